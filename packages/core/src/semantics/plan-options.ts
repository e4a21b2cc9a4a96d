// What a caller can say about a plan, and what every step of one plan shares.

import { outOfRange } from '../errors.ts'
import type { ResponseFields } from './fields.ts'
import type { Representation } from './representation.ts'

/** What a caller can say about the response that is planned. */
export interface PlanOptions {
  /**
   * The status of the full response, such as 404 for an error page. Preconditions and Range apply to
   * what would be a 200 (§13.2.1, §14.2), so a response of any other status is sent in full. Default 200.
   */
  readonly status?: number | undefined
  /**
   * Further fields of the 200, such as Cache-Control. The other responses carry them if their status
   * allows it; fields that follow from the representation, such as ETag, are ignored here.
   */
  readonly headers?: ResponseFields | undefined
  /** The most ranges in one response; a request for more gets the full response. Default 100. */
  readonly maxRanges?: number | undefined
  /** The most bytes to read past for the ranges of a representation that is not seekable. Default 64 MiB. */
  readonly maxSkip?: number | undefined
  /**
   * The most bytes of a single range without a last position: a positive integer. A 206 says itself
   * which bytes it holds, so a server may send a subset of what is requested (§15.3.7). Default: no
   * limit.
   */
  readonly maxResponse?: number | undefined
  /** `false` ignores Range and sends `Accept-Ranges: none`. Default `true`. */
  readonly acceptRanges?: boolean | undefined
  /**
   * Whether other code may encode the full response on its way, as compression does. If-None-Match then
   * also knows the tags of its encodings: `W/"v1-gzip"` is one of `"v1"`. Default `false`.
   */
  readonly isEncodable?: boolean | undefined
  /** The time of the response in milliseconds since the epoch. Default: the clock. */
  readonly now?: number | undefined
  /** Returns the boundary of a multipart response, which must be a token. Default: 96 random bits. */
  readonly boundary?: (() => string) | undefined
}

/** The inputs of one plan, as its steps share them. */
export interface PlanContext {
  readonly method: string
  readonly representation: Representation
  readonly options: PlanOptions
  readonly now: number
}

/** Statuses without content, or whose meaning comes from the conditions and the Range of a request. */
const neverFull: ReadonlySet<number> = new Set([204, 205, 206, 304, 412, 416])

/** Whether a response of this status can carry the full representation. */
export function isStatusOfWhole(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 999 && !neverFull.has(status)
}

/**
 * Throws unless a response of this status can carry the full representation.
 *
 * @throws RangeError `ERR_INVALID_ARGUMENT`
 */
export function validateStatus(status: number): void {
  if (isStatusOfWhole(status)) return
  throw outOfRange(
    'ERR_INVALID_ARGUMENT',
    `Cannot plan a response: status must be one that a full response can have, got ${String(status)}`,
  )
}
