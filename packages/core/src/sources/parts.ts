// Sources that become one: how they are checked, opened and closed, and what their validators say
// together.

import { invalidArgument } from '../errors.ts'
import { type EntityTag, isWeak } from '../semantics/entity-tag.ts'
import type { Representation } from '../semantics/representation.ts'
import { nameOf, validateRepresentation } from '../validate.ts'
import { fromBlob } from './blob.ts'
import { fromBuffer } from './buffer.ts'
import { hashAhead, tagOf } from './bytes-tag.ts'
import { isPromise, isSource, type Source, toDirect } from './source.ts'

/** A part of a source that is made of several. */
export type Part = Source | Uint8Array | Blob

/** A part that is open, as {@link openPart} makes it. */
export interface OpenPart extends Source {
  /** The bytes, if they are in memory. */
  readonly bytes?: Uint8Array
}

/**
 * Throws unless a value can be a part.
 *
 * @param action the action that fails, for the message
 * @throws TypeError or RangeError with a `code`
 */
export function validatePart(part: unknown, action: string): void {
  if (part instanceof Uint8Array || part instanceof Blob || isPromise(part)) return
  // A Node stream and a FileHandle have a `read` too, and neither has a length.
  if (!isSource(part) || 'on' in part) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot ${action}: ${nameOf(part)} is no Source, Uint8Array or Blob; write fromFile(path) for a file, fromReader({ length, read }) for other data`,
    )
  }
  validateRepresentation(part)
  if (part.seekable !== false && part.isGrowing !== true) return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `Cannot ${action}: a source that can be read only once, or is growing, cannot be a part`,
  )
}

/**
 * As {@link openPart}, for several.
 *
 * @throws the error of a promise among the parts, or `ERR_INVALID_…`: the others are then closed
 */
export async function openParts(
  parts: readonly (Part | PromiseLike<Part>)[],
  action: string,
): Promise<OpenPart[]> {
  const opening = await Promise.allSettled(parts.map((part) => openPart(part, action)))
  const open = opening.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = opening.find((each) => each.status === 'rejected')
  if (!failed) return open
  await closeParts(open)
  throw failed.reason
}

/**
 * Makes a source of a part. Bytes have a hash of them as their tag. A source that can be opened for
 * each read, such as a file, holds nothing until then.
 *
 * @param action the action that fails, for the message
 * @throws TypeError or RangeError `ERR_INVALID_…`, by rejecting, if it cannot be a part, which is then
 *   closed; or the error of the promise
 */
export async function openPart(part: Part | PromiseLike<Part>, action: string): Promise<OpenPart> {
  const settled = await part
  try {
    validatePart(settled, action)
  } catch (error) {
    if (isSource(settled) && !('on' in settled)) await closeParts([toDirect(settled)])
    throw error
  }
  if (settled instanceof Uint8Array)
    return toDirect(fromBuffer(settled, { etag: await hash(settled) }))
  if (settled instanceof Blob) return toDirect(fromBlob(settled))
  const source = toDirect(settled)
  // Each call of `open` is followed by one of `close`: another response may hold it as well.
  if (source.open) {
    await source.open()
    await source.close?.()
  }
  return source
}

/** Closes the parts that do not open and close for each read. Never rejects. */
export async function closeParts(parts: readonly OpenPart[]): Promise<void> {
  await Promise.allSettled(
    parts.map(async (part) => {
      if (!('open' in part)) await part.close?.()
    }),
  )
}

/** No time at which a date would have become a strong validator. */
const never = new Date(Number.NaN)

/**
 * The validators of parts together: a tag if all have one, strong if all are strong, and the newest
 * date if all have one. The date of several parts is a weak validator: a part may be replaced by an
 * older one.
 *
 * @param layout whatever else the bytes follow from
 */
export async function combineValidators(
  parts: readonly Representation[],
  layout: string,
): Promise<Partial<Representation>> {
  const [only] = parts
  const tags = parts.map(({ etag }) => etag)
  const dates = parts.map(({ lastModified }) => lastModified?.getTime() ?? Number.NaN)
  const newest = dates.reduce((a, b) => Math.max(a, b), -Infinity)
  const combined: { -readonly [name in keyof Representation]?: Representation[name] } = {}
  if (tags.every((tag) => tag !== undefined)) {
    const lengths = parts.map(({ length }) => length)
    const text = JSON.stringify([layout, tags, lengths])
    const tag = await hash(new TextEncoder().encode(text))
    combined.etag = tags.some(isWeak) ? `W/${tag}` : tag
  }
  if (Number.isFinite(newest)) {
    combined.lastModified = new Date(newest)
    const lastChanged = parts.length === 1 && layout === '' ? only!.lastChanged : never
    if (lastChanged) combined.lastChanged = lastChanged
  }
  return combined
}

/** A tag that is a hash of bytes. */
async function hash(bytes: Uint8Array): Promise<EntityTag> {
  await hashAhead(bytes)
  return tagOf(bytes)!
}
