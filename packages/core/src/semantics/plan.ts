// The decision: RFC 9110 §13.2.2 (precedence), §14.2 (Range), §15.3.7 (206), §15.5.17 (416).

import { randomBoundary } from './boundary.ts'
import { formatByteranges, partOverhead } from './byteranges.ts'
import { addNoTransform } from './cache-control.ts'
import { formatContentRange } from './content-range.ts'
import { isPlanned, isWithheld, type ResponseFields, toLowerCase } from './fields.ts'
import { formatHttpDate } from './http-date.ts'
import { type PlanContext, type PlanOptions, validateStatus } from './plan-options.ts'
import { evaluatePreconditions, notModifiedTag } from './preconditions.ts'
import { type ByteRange, byteLength, coalesce } from './range.ts'
import { evaluateRange } from './range-outcome.ts'
import { completeLengthOf, type Representation, validateLength } from './representation.ts'
import type { RangeRequest } from './request.ts'
import { contentLength, type Segment } from './segments.ts'

/** A response, decided before a byte is read. */
export interface ResponsePlan {
  /** 206, 304, 412 or 416; for the full response 200, or `status` of the options. */
  readonly status: number
  readonly headers: ResponseFields
  /** The content, in order. Empty for HEAD, 304, 412 and 416. */
  readonly body: readonly Segment[]
}

/** The default of `maxRanges`. */
const defaultMaxRanges = 100

/**
 * Decides the response to a request for a representation. Does no I/O; its clock and randomness can
 * be given in `options`.
 *
 * Preconditions come first, then If-Range, then Range (§13.2.2). Methods other than GET ignore Range
 * (§14.2); those other than GET and HEAD also ignore preconditions, which are up to their handler.
 *
 * @throws RangeError `ERR_INVALID_LENGTH` if the representation's length is not a valid complete
 *   length; `ERR_INVALID_ARGUMENT` if no full response can have `status`
 */
export function planResponse(
  request: RangeRequest,
  representation: Representation,
  options: PlanOptions = {},
): ResponsePlan {
  const { method = 'GET' } = request
  validateLength(representation.length, 'plan a response')
  const context: PlanContext = { method, representation, options, now: options.now ?? Date.now() }
  if (options.status !== undefined && options.status !== 200) {
    validateStatus(options.status)
    return whole(context)
  }
  if (method !== 'GET' && method !== 'HEAD') return whole(context)
  const { isEncodable = false } = options
  const outcome = evaluatePreconditions(request, representation, context.now, isEncodable)
  if (outcome === 'not-modified') return notModified(request, isEncodable, context)
  if (outcome === 'precondition-failed') return withoutContent(412, context)
  if (method !== 'GET') return whole(context)
  const ranges = evaluateRange(request, context)
  if (ranges === 'whole') return whole(context)
  if (ranges === 'unsatisfiable') return withoutContent(416, context)
  return partial(ranges, context)
}

/** A 206, unless the ranges are more than one response sends or come to no less than the full response. */
function partial(requested: readonly ByteRange[], context: PlanContext): ResponsePlan {
  const { representation, options } = context
  const { maxRanges = defaultMaxRanges } = options
  if (maxRanges < 1) return whole(context)
  if (requested.length === 1) return onePart(requested[0]!, context)
  const { length, type, seekable } = representation
  const boundary = (options.boundary ?? randomBoundary)()
  const joined = coalesce(requested, partOverhead(length, type, boundary))
  const ranges = seekable === false ? joined.toSorted((a, b) => a.firstPos - b.firstPos) : joined
  if (ranges.length === 1) return onePart(ranges[0]!, context)
  if (ranges.length > maxRanges) return whole(context)
  const body = formatByteranges(ranges, completeLengthOf(representation), type, boundary)
  return contentLength(body) < length ? inParts(body, boundary, context) : whole(context)
}

function whole(context: PlanContext): ResponsePlan {
  const { method, representation, options } = context
  const { length, type, isGrowing = false } = representation
  const { status = 200 } = options
  const headers = fields(status, context)
  if (type !== undefined) headers['Content-Type'] = type
  if (!isGrowing) headers['Content-Length'] = String(length)
  const lastPos = isGrowing ? Infinity : length - 1
  const body = method === 'HEAD' || lastPos < 0 ? [] : [{ firstPos: 0, lastPos }]
  return { status, headers, body }
}

function onePart(range: ByteRange, context: PlanContext): ResponsePlan {
  const { representation } = context
  const { length, type } = representation
  const headers = fields(206, context)
  if (type !== undefined) headers['Content-Type'] = type
  headers['Content-Range'] = formatContentRange(range, completeLengthOf(representation))
  // Of a representation that grows: Content-Range repeats the last position of the request (RFC 8673
  // §2.2), and the content ends when the representation does.
  if (range.lastPos >= length) {
    return { status: 206, headers, body: [{ firstPos: range.firstPos, lastPos: Infinity }] }
  }
  headers['Content-Length'] = String(byteLength(range))
  return { status: 206, headers, body: [range] }
}

function inParts(body: readonly Segment[], boundary: string, context: PlanContext): ResponsePlan {
  const headers = fields(206, context)
  headers['Content-Type'] = `multipart/byteranges; boundary=${boundary}`
  headers['Content-Length'] = String(contentLength(body))
  return { status: 206, headers, body }
}

function notModified(
  request: RangeRequest,
  isEncodable: boolean,
  context: PlanContext,
): ResponsePlan {
  const { representation } = context
  const { etag } = representation
  if (etag === undefined || !isEncodable) return withoutContent(304, context)
  const known = { ...representation, etag: notModifiedTag(request, etag, isEncodable) }
  return withoutContent(304, { ...context, representation: known })
}

function withoutContent(status: 304 | 412 | 416, context: PlanContext): ResponsePlan {
  const headers = fields(status, context)
  if (status === 416) {
    headers['Content-Range'] = formatContentRange(undefined, context.representation.length)
  }
  // A 304 ends with its header section (§15.4.5); the other two have content, of zero bytes.
  if (status !== 304) headers['Content-Length'] = '0'
  return { status, headers, body: [] }
}

/** The fields of every response of this status, whatever its content. */
function fields(
  status: number,
  { representation, options, now }: PlanContext,
): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {}
  let cacheControl: string | undefined
  if (options.headers) {
    for (const [name, value] of Object.entries(options.headers)) {
      const lowerCase = toLowerCase(name)
      if (lowerCase === 'cache-control') cacheControl = String(value)
      else if (!isPlanned(lowerCase) && !isWithheld(status, lowerCase)) headers[name] = value
    }
  }
  // Range applies to a 200 alone, so a response of another status does not offer it.
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

/** A date later than that of the response is replaced by it (§8.8.2.1). */
function formatLastModified(lastModified: Date, now: number): string {
  return formatHttpDate(lastModified.getTime() > now ? new Date(now) : lastModified)
}
