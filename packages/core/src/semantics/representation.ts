// The metadata of what is served.

import { outOfRange } from '../errors.ts'

/** The metadata of what is being served (RFC 9110 §3.2): enough to plan a response, but not to read it. */
export interface Representation {
  /** The complete length in bytes: a non-negative safe integer. */
  readonly length: number
  /** The media type, parameters included: `'video/mp4'`, `'text/html; charset=utf-8'`. */
  readonly type?: string | undefined
  /** The entity-tag as the field has it, quotes included: `'"v1"'`, `'W/"v1"'` (§8.8.3). */
  readonly etag?: string | undefined
  /** When it was last modified (§8.8.2). Fractions of a second are ignored. */
  readonly lastModified?: Date | undefined
  /**
   * When its storage recorded the latest change of any kind, such as the ctime of a file. A change
   * that `lastModified` came with makes it a strong validator only two seconds later (§8.8.2.2).
   * Without it, `lastModified` is strong once the second that it names is over.
   */
  readonly lastChanged?: Date | undefined
  /**
   * `false` if the bytes can be read only once, in order: several ranges are then sent in ascending
   * order, whatever the order requested. Default `true`.
   */
  readonly seekable?: boolean | undefined
}

/**
 * Throws unless `length` is a valid complete length.
 *
 * @param action the action that fails, for the message
 * @throws RangeError `ERR_INVALID_LENGTH`
 */
export function validateLength(length: number, action: string): void {
  if (Number.isSafeInteger(length) && length >= 0) return
  throw outOfRange(
    'ERR_INVALID_LENGTH',
    `Cannot ${action}: length must be a non-negative safe integer, got ${String(length)}`,
  )
}
