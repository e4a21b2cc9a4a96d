// multipart/byteranges, RFC 9110 §14.6: https://www.rfc-editor.org/rfc/rfc9110#section-14.6

import { formatContentRange } from './content-range.ts'
import type { ByteRange } from './range.ts'
import { byteLength } from './range.ts'

/** Bytes to send as they are, or a range to copy from the source. */
export type Segment = Uint8Array | ByteRange

/** As a header field goes out: one octet for each character (§5.5). */
const encode = (text: string): Uint8Array => Buffer.from(text, 'latin1')

const boundaryBytes = 12
/** Random bytes for some boundaries ahead: to ask for twelve costs what to ask for thousands does. */
const randomBytes = new Uint8Array(256 * boundaryBytes)
let used = randomBytes.length
/** A byte as two characters of a token. */
const byteText = Array.from({ length: 256 }, (_, byte) => byte.toString(36).padStart(2, '0'))

/** A boundary that no content holds but by a chance of 1 in 2^96. */
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

/** The segments of a multipart/byteranges body: each part's head and range, then the close. */
export function formatByteranges(
  ranges: readonly ByteRange[],
  completeLength: number,
  type: string | undefined,
  boundary: string,
): Segment[] {
  const segments: Segment[] = []
  for (const [index, range] of ranges.entries()) {
    const delimiter = index === 0 ? `--${boundary}` : `\r\n--${boundary}`
    segments.push(
      encode(delimiter + partFields(type, formatContentRange(range, completeLength))),
      range,
    )
  }
  segments.push(encode(`\r\n--${boundary}--\r\n`))
  return segments
}

/** The most bytes that one more part can cost beside its content. */
export function partOverhead(
  completeLength: number,
  type: string | undefined,
  boundary: string,
): number {
  const last = Math.max(0, completeLength - 1)
  const longest = formatContentRange({ firstPos: last, lastPos: last }, completeLength)
  return `\r\n--${boundary}${partFields(type, longest)}`.length
}

/** How many bytes the segments come to: the Content-Length of a body made of them. */
export function contentLength(segments: readonly Segment[]): number {
  let length = 0
  for (const segment of segments) length += isBytes(segment) ? segment.length : byteLength(segment)
  return length
}

/** Whether a segment is bytes to send as they are. */
export function isBytes(segment: Segment): segment is Uint8Array {
  return segment instanceof Uint8Array
}

/** Whether a segment is to be copied from the source. */
export function isRange(segment: Segment): segment is ByteRange {
  return !(segment instanceof Uint8Array)
}

function partFields(type: string | undefined, contentRange: string): string {
  const typeField = type === undefined ? '' : `Content-Type: ${type}\r\n`
  return `\r\n${typeField}Content-Range: ${contentRange}\r\n\r\n`
}
