// The boundary of a multipart body, RFC 2046 §5.1.1.

const boundaryBytes = 12

// Module state: random bytes for the next 256 boundaries. One call for 3 KiB costs as much as one for
// twelve bytes.
const randomBytes = new Uint8Array(256 * boundaryBytes)
let used = randomBytes.length

/** A byte as two characters of a token. */
const byteText = Array.from({ length: 256 }, (_, byte) => byte.toString(36).padStart(2, '0'))

/** A boundary of 96 random bits, so that no content holds it by accident or on purpose. */
export function randomBoundary(): string {
  if (used === randomBytes.length) {
    crypto.getRandomValues(randomBytes)
    used = 0
  }
  let boundary = ''
  for (const end = used + boundaryBytes; used < end; used++)
    boundary += byteText[randomBytes[used]!]
  return boundary
}
