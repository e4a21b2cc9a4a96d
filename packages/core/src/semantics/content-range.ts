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

const contentRange = /^bytes +(\d+)-(\d+)\/(\d+|\*)$/i

/**
 * Parses the Content-Range of a 206, which must name a range of bytes. The complete length is
 * `undefined` if the server does not know it.
 *
 * Returns `undefined` for any other text, such as `bytes 5-4/10`, which names no byte.
 */
export function parseContentRange(
  fieldValue: string,
): (ByteRange & { readonly completeLength: number | undefined }) | undefined {
  const [, first, last, complete] = contentRange.exec(fieldValue.trim()) ?? []
  if (complete === undefined) return undefined
  const firstPos = Number(first)
  const lastPos = Number(last)
  const completeLength = complete === '*' ? undefined : Number(complete)
  const limit = completeLength ?? Number.MAX_SAFE_INTEGER
  const isPossible = firstPos <= lastPos && lastPos < limit && Number.isSafeInteger(limit)
  return isPossible ? { firstPos, lastPos, completeLength } : undefined
}
