// Conditional requests, RFC 9110 §13: https://www.rfc-editor.org/rfc/rfc9110#section-13

import { acceptsCoding } from './accept-encoding.ts'
import {
  codingOf,
  type EntityTag,
  isEntityTag,
  isWeak,
  parseEntityTags,
  strongCompare,
  weakCompare,
} from './entity-tag.ts'
import { parseHttpDate } from './http-date.ts'
import type { Representation } from './representation.ts'
import { fieldValue, type RangeRequest } from './request.ts'

/** The outcome of the preconditions: proceed with the method, send a 304, or send a 412. */
export type PreconditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed'

/**
 * Evaluates If-Match or If-Unmodified-Since, then If-None-Match or If-Modified-Since, in the order
 * of §13.2.2, for a GET or HEAD. {@link evaluateIfRange} follows if the request has a Range.
 *
 * @param isEncodable whether the full response may be encoded on its way: If-None-Match then also
 *   knows the tags of its encodings
 */
export function evaluatePreconditions(
  request: RangeRequest,
  representation: Representation,
  now: number,
  isEncodable = false,
): PreconditionOutcome {
  const ifMatch = fieldValue(request, 'if-match')
  if (ifMatch !== undefined) {
    if (!evaluateIfMatch(ifMatch, representation)) return 'precondition-failed'
  } else {
    const ifUnmodifiedSince = fieldValue(request, 'if-unmodified-since')
    if (ifUnmodifiedSince !== undefined) {
      const modified = isModifiedSince(ifUnmodifiedSince, representation, now)
      if (modified === true) return 'precondition-failed'
    }
  }
  const ifNoneMatch = fieldValue(request, 'if-none-match')
  if (ifNoneMatch !== undefined) {
    if (!evaluateIfNoneMatch(ifNoneMatch, request, representation, isEncodable))
      return 'not-modified'
  } else {
    const ifModifiedSince = fieldValue(request, 'if-modified-since')
    if (ifModifiedSince !== undefined) {
      if (isModifiedSince(ifModifiedSince, representation, now) === false) return 'not-modified'
    }
  }
  return 'proceed'
}

/** How long after a change its date could come with another change, in milliseconds (§8.8.2.2). */
const dateSettlingMs = 2000

/**
 * Evaluates If-Range (§13.1.5): returns whether Range applies.
 *
 * An entity-tag is compared strongly. A date must equal Last-Modified exactly, and be strong by now.
 */
export function evaluateIfRange(
  value: string,
  representation: Representation,
  now: number,
): boolean {
  const validator = value.trim()
  if (isEntityTag(validator)) {
    return representation.etag !== undefined && strongCompare(validator, representation.etag)
  }
  const date = parseHttpDate(validator, now)
  const { lastModified } = representation
  if (!date || !lastModified) return false
  const isSame = toSeconds(date.getTime()) === toSeconds(lastModified.getTime())
  return isSame && isStrongDate(lastModified, representation.lastChanged, now)
}

/**
 * Whether Last-Modified is a strong validator (§8.8.2.2): the second that it names is over, so that no
 * other change can hide in it. Whether it was over when the client was told, only the client knows.
 *
 * @param lastChanged tells a date that came with the latest change, which is held for two seconds,
 *   from one that was set to a time before it
 */
function isStrongDate(lastModified: Date, lastChanged: Date | undefined, now: number): boolean {
  if (toSeconds(now) <= toSeconds(lastModified.getTime())) return false
  if (!lastChanged) return true
  const changed = lastChanged.getTime()
  return now - changed > dateSettlingMs || changed - lastModified.getTime() > dateSettlingMs
}

function evaluateIfMatch(value: string, { etag }: Representation): boolean {
  const entityTags = parseEntityTags(value)
  if (entityTags === '*') return true
  if (!entityTags || etag === undefined) return false
  return entityTags.some((entityTag) => strongCompare(entityTag, etag))
}

function evaluateIfNoneMatch(
  value: string,
  request: RangeRequest,
  { etag }: Representation,
  isEncodable: boolean,
): boolean {
  const entityTags = parseEntityTags(value)
  if (entityTags === '*') return false
  if (!entityTags || etag === undefined) return true
  if (entityTags.some((entityTag) => weakCompare(entityTag, etag))) return false
  return !isEncodable || findEncoding(entityTags, request, etag) === undefined
}

/**
 * The tag of an encoding that the client has, and that this request may get. With a Range it may get
 * none: a client that holds an encoding would cut the range out of that.
 */
function findEncoding(
  entityTags: readonly EntityTag[],
  request: RangeRequest,
  etag: EntityTag,
): EntityTag | undefined {
  if (fieldValue(request, 'range') !== undefined) return undefined
  const accepted = fieldValue(request, 'accept-encoding')
  return entityTags.find((entityTag) => {
    const coding = codingOf(entityTag, etag)
    return coding !== undefined && acceptsCoding(accepted, coding)
  })
}

/**
 * The entity-tag of a 304: that of the representation, unless the full response may be encoded on its
 * way. Then it is the tag of what the client has, so that its cache freshens that and nothing else.
 */
export function notModifiedTag(
  request: RangeRequest,
  etag: EntityTag,
  isEncodable: boolean,
): EntityTag {
  if (!isEncodable) return etag
  const entityTags = parseEntityTags(fieldValue(request, 'if-none-match') ?? '')
  if (!entityTags || entityTags === '*' || entityTags.includes(etag)) return etag
  // A weak one may be for an encoding that was made before encodings had tags of their own.
  const weak = entityTags.find((entityTag) => isWeak(entityTag) && weakCompare(entityTag, etag))
  return weak ?? findEncoding(entityTags, request, etag) ?? etag
}

/** Returns `undefined` if either date is missing or invalid: the field is then ignored. */
function isModifiedSince(
  value: string,
  { lastModified }: Representation,
  now: number,
): boolean | undefined {
  if (!lastModified) return undefined
  const date = parseHttpDate(value.trim(), now)
  return date && toSeconds(lastModified.getTime()) > toSeconds(date.getTime())
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}
