// What is served.

import { outOfRange } from '../errors.ts'

/** The metadata of what is being served (RFC 9110 §3.2). Enough to plan an answer; it cannot be read. */
export interface Representation {
  /** The complete length in bytes: a non-negative safe integer. */
  readonly length: number
  /** The media type, parameters included: `'video/mp4'`, `'text/html; charset=utf-8'`. */
  readonly type?: string
  /** The entity-tag as it goes into the field, quotes included: `'"v1"'`, `'W/"v1"'` (§8.8.3). */
  readonly etag?: string
  /** When it was last modified (§8.8.2). Fractions of a second do not count. */
  readonly lastModified?: Date
  /**
   * `false` for bytes that only pass by once: several ranges are then sent in ascending order,
   * whatever the order they were asked for in. Default `true`.
   */
  readonly seekable?: boolean
}

/**
 * Refuses what is no complete length, which positions would be reckoned from all the same.
 *
 * @param action what cannot be done with it
 */
export function validateLength(length: number, action: string): void {
  if (Number.isSafeInteger(length) && length >= 0) return
  throw outOfRange(
    'ERR_INVALID_LENGTH',
    `Cannot ${action}: length must be a non-negative safe integer, got ${String(length)}`,
  )
}
