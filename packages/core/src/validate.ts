// Checks of what callers pass: a TypeError or RangeError with a `code`, before any I/O.

import { invalidArgument, outOfRange } from './errors.ts'
import { isEntityTag } from './semantics/entity-tag.ts'
import { type Representation, validateLength } from './semantics/representation.ts'
import type { Source } from './sources/source.ts'

/** Throws for an impossible representation. */
export function validateRepresentation(representation: Representation): void {
  const { length, type, etag, lastModified } = representation
  validateLength(length, 'serve the source')
  validateMetadata({ type, etag, lastModified })
}

/** Throws for an impossible source. */
export function validateSource(source: Representation & Pick<Source, 'cacheControl'>): void {
  validateRepresentation(source)
  const { cacheControl } = source
  if (cacheControl !== undefined) validateFieldValue('cacheControl', cacheControl)
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
export function validateFieldValue(name: string, value: unknown): asserts value is string {
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

/** Throws unless a value is a count of at least `min`, or no limit. */
export function validateCount(name: string, value: number | undefined, min: 0 | 1 = 0): void {
  if (value === undefined || value === Infinity) return
  if (!Number.isSafeInteger(value) || value < min) {
    throw outOfRange(
      'ERR_INVALID_ARGUMENT',
      `${name} must be a ${min === 0 ? 'non-negative' : 'positive'} integer or Infinity, got ${String(value)}`,
    )
  }
}

/** Throws unless a value is a positive integer. */
export function validatePositive(name: string, value: number | undefined): void {
  if (Number.isSafeInteger(value) && value! > 0) return
  throw outOfRange(
    'ERR_INVALID_ARGUMENT',
    `${name} must be a positive integer, got ${String(value)}`,
  )
}

/** Throws for options that are not an object: `null`, text, a callback, a list. */
export function validateObject(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw invalidArgument('ERR_INVALID_ARGUMENT', `${name} must be an object, got ${nameOf(value)}`)
}

/** Throws unless a value is one of a few, or not given. */
export function validateOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  const values: readonly unknown[] = allowed
  if (value === undefined || values.includes(value)) return
  const list = allowed.map((each) => `'${each}'`).join(', ')
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `${name} must be one of ${list}, got ${JSON.stringify(value)}`,
  )
}

/** Throws unless a value can name a folder. */
export function validateRoot(root: unknown): void {
  const isPath = typeof root === 'string' && root !== '' && !root.includes('\0')
  if (isPath || (root instanceof URL && root.protocol === 'file:')) return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `root must be the path or file: URL of a folder, got ${root instanceof URL ? root.protocol : JSON.stringify(root)}`,
  )
}

/** Names the kind of a value, for messages: its class, or what `typeof` says. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  const { constructor } = value as { constructor?: { name?: unknown } }
  const name = typeof constructor === 'function' ? constructor.name : undefined
  return typeof name === 'string' && name !== '' ? name : 'object'
}
