// Content-Range, RFC 9110 §14.4: https://www.rfc-editor.org/rfc/rfc9110#section-14.4

import type { ByteRange } from './range.ts'

/**
 * Formats a Content-Range field value: `bytes 0-499/10000` for a range, `bytes 0-499/*` if the complete
 * length is not known, and without a range the form with an asterisk for it, which goes with a 416.
 */
export function formatContentRange(
  range: ByteRange | undefined,
  completeLength: number | undefined,
): string {
  const positions = range ? `${range.firstPos}-${range.lastPos}` : '*'
  return `bytes ${positions}/${completeLength ?? '*'}`
}
