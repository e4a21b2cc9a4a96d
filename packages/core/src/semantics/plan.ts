// The decision: RFC 9110 §13.2.2 (precedence), §14.2 (Range), §15.3.7 (206), §15.5.17 (416).

import { outOfRange } from '../errors.ts'
import { randomBoundary } from './boundary.ts'
import { formatByteranges, partOverhead } from './byteranges.ts'
import { addNoTransform } from './cache-control.ts'
import { formatContentRange } from './content-range.ts'
import { isPlanned, isWithheld, type ResponseFields } from './fields.ts'
import { formatHttpDate } from './http-date.ts'
import { evaluateIfRange, evaluatePreconditions } from './preconditions.ts'
import { type ByteRange, byteLength, coalesce, parseRange, satisfy } from './range.ts'
import { type Representation, validateLength } from './representation.ts'
import { fieldLineCount, fieldValue, type RangeRequest } from './request.ts'
import { contentLength, type Segment } from './segments.ts'

/** An answer, decided before a byte is read. */
export interface ResponsePlan {
  /** 206, 304, 412 or 416; for the whole 200, or the status that it was said to have. */
  readonly status: number
  readonly headers: ResponseFields
  /** The content, in order. Empty for HEAD, 304, 412 and 416. */
  readonly body: readonly Segment[]
}

export interface PlanOptions {
  /**
   * The status of the whole, such as 404 for a page that says so. Preconditions and Range are for
   * what would be a 200 (§13.2.1, §14.2), so that any other is sent whole. Default 200.
   */
  readonly status?: number
  /**
   * Further fields of the 200, such as Cache-Control. The other answers carry them where
   * {@link isWithheld} allows; the fields that say what the representation is are not taken here.
   */
  readonly headers?: ResponseFields
  /** The most ranges one answer sends; a request for more gets the whole. Default 100. */
  readonly maxRanges?: number
  /** The most bytes to read past for the ranges of a representation that is not seekable. Default 64 MiB. */
  readonly maxSkip?: number
  /** `false` ignores Range and says `Accept-Ranges: none`. Default `true`. */
  readonly acceptRanges?: boolean
  /** The time of the answer in milliseconds since the epoch. Default: the clock. */
  readonly now?: number
  /** Makes the boundary of a multipart answer, which must be a token. Default: 96 random bits. */
  readonly boundary?: () => string
}

/** The most ranges of an answer, where nothing else is said. */
const defaultMaxRanges = 100
/** The most bytes to read past in a stream, where nothing else is said: 64 MiB. */
const defaultMaxSkip = 64 * 1024 * 1024

/**
 * Decides the answer to a request for a representation, and does nothing else: no I/O, no clock or
 * randomness but those in `options`.
 *
 * Preconditions first, then If-Range, then Range (§13.2.2). Methods other than GET ignore Range
 * (§14.2); those other than GET and HEAD ignore preconditions too, which are their handler's.
 *
 * @throws RangeError `ERR_INVALID_LENGTH`, where the length of the representation is none;
 *   `ERR_INVALID_ARGUMENT`, where no whole can have the status
 */
export function planResponse(
  request: RangeRequest,
  representation: Representation,
  options: PlanOptions = {},
): ResponsePlan {
  const { method = 'GET' } = request
  validateLength(representation.length, 'plan a response')
  const now = options.now ?? Date.now()
  if (options.status !== undefined && options.status !== 200) {
    validateStatus(options.status)
    return whole(method, representation, options, now)
  }
  if (method === 'GET' || method === 'HEAD') {
    const outcome = evaluatePreconditions(request, representation, now)
    if (outcome === 'not-modified') return withoutContent(304, representation, options, now)
    if (outcome === 'precondition-failed') return withoutContent(412, representation, options, now)
  }
  const ranges =
    method === 'GET' ? applicableRanges(request, representation, options, now) : undefined
  if (!ranges) return whole(method, representation, options, now)
  if (ranges.length === 0) return withoutContent(416, representation, options, now)
  return (
    inParts(ranges, representation, options, now) ?? whole(method, representation, options, now)
  )
}

/** They have no content, or say what the conditions and the Range of a request have come to. */
const notWhole: ReadonlySet<number> = new Set([204, 205, 206, 304, 412, 416])

/** Whether an answer of this status can be the whole of a representation, whatever was asked for. */
export function isStatusOfWhole(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 999 && !notWhole.has(status)
}

function validateStatus(status: number): void {
  if (isStatusOfWhole(status)) return
  throw outOfRange(
    'ERR_INVALID_ARGUMENT',
    `Cannot plan a response: status must be one that the whole can be sent with, got ${String(status)}`,
  )
}

/** The satisfiable ranges, none for 416, or `undefined` where the Range field does not apply. */
function applicableRanges(
  request: RangeRequest,
  representation: Representation,
  options: PlanOptions,
  now: number,
): ByteRange[] | undefined {
  const range = fieldValue(request, 'range')
  if (range === undefined || options.acceptRanges === false) return undefined
  // A suffix-range is satisfiable even when the representation is empty (§14.1.2), but Content-Range
  // has no form for zero bytes. The whole, empty, representation says the same thing: send a 200.
  if (representation.length === 0) return undefined
  // Joined, two field lines can look like one valid set that nobody sent.
  if (range.includes(',') && fieldLineCount(request, 'range') > 1) return undefined
  const ifRange = fieldValue(request, 'if-range')
  if (ifRange !== undefined && !evaluateIfRange(ifRange, representation, now)) return undefined
  const rangeSet = parseRange(range)
  if (!rangeSet) return undefined
  const ranges = satisfy(rangeSet, representation.length)
  return skipsTooMuch(ranges, representation, options) ? undefined : ranges
}

/** Whether a representation that passes by once would have too much read past for these ranges. */
function skipsTooMuch(
  ranges: readonly ByteRange[],
  { seekable }: Representation,
  { maxSkip = defaultMaxSkip }: PlanOptions,
): boolean {
  if (seekable !== false) return false
  let end = 0
  let skipped = 0
  for (const { firstPos, lastPos } of ranges.toSorted((a, b) => a.firstPos - b.firstPos)) {
    skipped += Math.max(0, firstPos - end)
    end = Math.max(end, lastPos + 1)
  }
  return skipped > maxSkip
}

function whole(
  method: string,
  representation: Representation,
  options: PlanOptions,
  now: number,
): ResponsePlan {
  const { length } = representation
  const { status = 200 } = options
  const headers = fields(status, representation, options, now)
  if (representation.type !== undefined) headers['Content-Type'] = representation.type
  headers['Content-Length'] = String(length)
  const body = method === 'HEAD' || length === 0 ? [] : [{ firstPos: 0, lastPos: length - 1 }]
  return { status, headers, body }
}

function onePart(
  range: ByteRange,
  representation: Representation,
  options: PlanOptions,
  now: number,
): ResponsePlan {
  const headers = fields(206, representation, options, now)
  if (representation.type !== undefined) headers['Content-Type'] = representation.type
  headers['Content-Range'] = formatContentRange(range, representation.length)
  headers['Content-Length'] = String(byteLength(range))
  return { status: 206, headers, body: [range] }
}

/** `undefined` where the ranges are more than one answer sends, or come to no less than the whole. */
function inParts(
  requested: readonly ByteRange[],
  representation: Representation,
  options: PlanOptions,
  now: number,
): ResponsePlan | undefined {
  const { maxRanges = defaultMaxRanges } = options
  if (maxRanges < 1) return undefined
  if (requested.length === 1) return onePart(requested[0]!, representation, options, now)
  const { length, type, seekable } = representation
  const boundary = (options.boundary ?? randomBoundary)()
  const joined = coalesce(requested, partOverhead(length, type, boundary))
  const ranges = seekable === false ? joined.toSorted((a, b) => a.firstPos - b.firstPos) : joined
  if (ranges.length === 1) return onePart(ranges[0]!, representation, options, now)
  if (ranges.length > maxRanges) return undefined
  const body = formatByteranges(ranges, length, type, boundary)
  const bodyLength = contentLength(body)
  if (bodyLength >= length) return undefined
  const headers = fields(206, representation, options, now)
  headers['Content-Type'] = `multipart/byteranges; boundary=${boundary}`
  headers['Content-Length'] = String(bodyLength)
  return { status: 206, headers, body }
}

function withoutContent(
  status: 304 | 412 | 416,
  representation: Representation,
  options: PlanOptions,
  now: number,
): ResponsePlan {
  const headers = fields(status, representation, options, now)
  if (status === 416)
    headers['Content-Range'] = formatContentRange(undefined, representation.length)
  // 304 ends at its header section (§15.4.5); the other two have content, of no bytes.
  if (status !== 304) headers['Content-Length'] = '0'
  return { status, headers, body: [] }
}

/** The fields that every answer of this status has, whatever its content. */
function fields(
  status: number,
  representation: Representation,
  options: PlanOptions,
  now: number,
): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {}
  let cacheControl: string | undefined
  if (options.headers) {
    for (const [name, value] of Object.entries(options.headers)) {
      const lowerCase = name.toLowerCase()
      if (lowerCase === 'cache-control') cacheControl = String(value)
      else if (!isPlanned(lowerCase) && !isWithheld(status, lowerCase)) headers[name] = value
    }
  }
  // Of what is no 200 there are no ranges to be had.
  if ((options.status ?? 200) === 200) {
    headers['Accept-Ranges'] = options.acceptRanges === false ? 'none' : 'bytes'
  }
  if (status === 412 || status === 416) return headers
  const { etag, lastModified } = representation
  if (etag !== undefined) headers['ETag'] = etag
  if (lastModified !== undefined) headers['Last-Modified'] = formatLastModified(lastModified, now)
  if (status === 206) headers['Cache-Control'] = addNoTransform(cacheControl)
  else if (cacheControl !== undefined) headers['Cache-Control'] = cacheControl
  return headers
}

/** A date later than the answer's own is replaced by that (§8.8.2.1). */
function formatLastModified(lastModified: Date, now: number): string {
  return formatHttpDate(lastModified.getTime() > now ? new Date(now) : lastModified)
}
