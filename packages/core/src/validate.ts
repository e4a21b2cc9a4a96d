// How what callers say is checked: a TypeError or RangeError with a `code`, before any I/O.

import { invalidArgument, outOfRange } from './errors.ts'
import { isEntityTag } from './semantics/entity-tag.ts'
import { type Representation, validateLength } from './semantics/representation.ts'

/** Throws for a representation that cannot be. */
export function validateRepresentation(representation: Representation): void {
  const { length, type, etag, lastModified } = representation
  validateLength(length, 'serve the source')
  validateMetadata({ type, etag, lastModified })
}

/** Checks metadata that goes into header fields. */
export function validateMetadata(metadata: {
  type?: string | undefined
  etag?: string | undefined
  lastModified?: Date | undefined
}): void {
  const { type, etag, lastModified } = metadata
  if (type !== undefined) validateFieldValue('type', type)
  if (etag !== undefined && (typeof etag !== 'string' || !isEntityTag(etag))) {
    throw invalidArgument(
      'ERR_INVALID_ETAG',
      `Cannot use the etag: it must be an entity-tag with its quotes, such as "v1" or W/"v1", got ${String(etag)}`,
    )
  }
  if (lastModified !== undefined) {
    if (!(lastModified instanceof Date) || Number.isNaN(lastModified.getTime())) {
      throw invalidArgument(
        'ERR_INVALID_ARGUMENT',
        `Cannot use lastModified: it must be a valid Date, got ${String(lastModified)}`,
      )
    }
  }
}

/** Throws for text that would end a header field and begin another (§5.5). */
export function validateFieldValue(name: string, value: unknown): void {
  if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw invalidArgument(
      'ERR_INVALID_FIELD',
      `Cannot use ${name}: it must be a string of visible Latin-1 characters, got ${JSON.stringify(value)}`,
    )
  }
}

/** Throws for a callback that is not a function. */
export function validateFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw invalidArgument('ERR_INVALID_ARGUMENT', `${name} must be a function, got ${typeof value}`)
}

/** Throws unless a value is a count, or no limit. */
export function validateCount(name: string, value: number | undefined): void {
  if (value === undefined || value === Infinity) return
  if (!Number.isSafeInteger(value) || value < 0) {
    throw outOfRange(
      'ERR_INVALID_ARGUMENT',
      `${name} must be a non-negative integer or Infinity, got ${String(value)}`,
    )
  }
}
