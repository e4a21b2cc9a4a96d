// Content-Range, RFC 9110 §14.4: https://www.rfc-editor.org/rfc/rfc9110#section-14.4

import type { ByteRange } from './range.ts'

/**
 * Formats a Content-Range field value: `bytes 0-499/10000` for a range, and without one the form
 * with an asterisk for the range, which goes with a 416.
 */
export function formatContentRange(range: ByteRange | undefined, completeLength: number): string {
  if (!range) return `bytes */${completeLength}`
  return `bytes ${range.firstPos}-${range.lastPos}/${completeLength}`
}
