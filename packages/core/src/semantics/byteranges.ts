// multipart/byteranges, RFC 9110 §14.6: https://www.rfc-editor.org/rfc/rfc9110#section-14.6

import { formatContentRange } from './content-range.ts'
import type { ByteRange } from './range.ts'
import type { Segment } from './segments.ts'

/**
 * The segments of a multipart/byteranges body: each part's head and range, then the close.
 *
 * A CRLF precedes the first boundary as well, as it does from Apache and nginx. §14.6 allows it, and
 * zsync cannot read a body without it.
 */
export function formatByteranges(
  ranges: readonly ByteRange[],
  completeLength: number | undefined,
  type: string | undefined,
  boundary: string,
): Segment[] {
  const heads = ranges.map((range) =>
    formatPartHead(type, formatContentRange(range, completeLength), boundary),
  )
  // Encoded at once: a hundred calls would take longer than the rest of the plan.
  const bytes = encode(`${heads.join('')}\r\n--${boundary}--\r\n`)
  const segments: Segment[] = []
  let position = 0
  for (const [index, range] of ranges.entries()) {
    const end = position + heads[index]!.length
    segments.push(bytes.subarray(position, end), range)
    position = end
  }
  segments.push(bytes.subarray(position))
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
  return formatPartHead(type, longest, boundary).length
}

function formatPartHead(type: string | undefined, contentRange: string, boundary: string): string {
  const typeField = type === undefined ? '' : `Content-Type: ${type}\r\n`
  return `\r\n--${boundary}\r\n${typeField}Content-Range: ${contentRange}\r\n\r\n`
}

const utf8 = new TextEncoder()

/** Encodes text as Node does a header field: one octet for each character (§5.5). */
function encode(text: string): Uint8Array {
  const ascii = utf8.encode(text)
  if (ascii.length === text.length) return ascii
  return Uint8Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
}
