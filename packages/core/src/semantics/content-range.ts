// Content-Range, RFC 9110 §14.4: https://www.rfc-editor.org/rfc/rfc9110#section-14.4

import type { ByteRange } from './range.ts'

/**
 * Formats a Content-Range field value: `bytes 0-499/10000` for a range that is sent,
 * `bytes *`+`/10000` for a set that could not be satisfied (416).
 */
export function formatContentRange(range: ByteRange | undefined, completeLength: number): string {
  if (!range) return `bytes */${completeLength}`
  return `bytes ${range.firstPos}-${range.lastPos}/${completeLength}`
}
