// Conditional requests, RFC 9110 §13: https://www.rfc-editor.org/rfc/rfc9110#section-13

import { isEntityTag, parseEntityTags, strongCompare, weakCompare } from './entity-tag.ts'
import { parseHttpDate } from './http-date.ts'
import type { Representation } from './representation.ts'
import { fieldValue, type RangeRequest } from './request.ts'

/** What the preconditions say: answer, answer 304, or answer 412. */
export type PreconditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed'

/**
 * Evaluates If-Match or If-Unmodified-Since, then If-None-Match or If-Modified-Since, in the order
 * of §13.2.2, for a GET or HEAD. If-Range is {@link evaluateIfRange}, once a Range is known to apply.
 */
export function evaluatePreconditions(
  request: RangeRequest,
  representation: Representation,
  now: number,
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
    if (!evaluateIfNoneMatch(ifNoneMatch, representation)) return 'not-modified'
  } else {
    const ifModifiedSince = fieldValue(request, 'if-modified-since')
    if (ifModifiedSince !== undefined) {
      if (isModifiedSince(ifModifiedSince, representation, now) === false) return 'not-modified'
    }
  }
  return 'proceed'
}

/**
 * Evaluates If-Range (§13.1.5): whether the Range may be applied.
 *
 * An entity-tag is compared strongly. A date must be the very Last-Modified, and the second that it
 * names be over by now, or another change could hide in it; whether it was over when the client was
 * told, only the client knows (§8.8.2.2).
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
  if (!date || !representation.lastModified) return false
  const lastModified = toSeconds(representation.lastModified.getTime())
  return toSeconds(date.getTime()) === lastModified && toSeconds(now) > lastModified
}

function evaluateIfMatch(value: string, { etag }: Representation): boolean {
  const entityTags = parseEntityTags(value)
  if (entityTags === '*') return true
  if (!entityTags || etag === undefined) return false
  return entityTags.some((entityTag) => strongCompare(entityTag, etag))
}

function evaluateIfNoneMatch(value: string, { etag }: Representation): boolean {
  const entityTags = parseEntityTags(value)
  if (entityTags === '*') return false
  if (!entityTags || etag === undefined) return true
  return !entityTags.some((entityTag) => weakCompare(entityTag, etag))
}

/** `undefined`: the date is invalid or there is none to compare it with, so the field is ignored. */
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
