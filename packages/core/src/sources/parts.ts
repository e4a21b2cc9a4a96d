// Sources that are read one after another as one, and what their validators say together.

import { invalidArgument } from '../errors.ts'
import { type EntityTag, isWeak } from '../semantics/entity-tag.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'
import { nameOf, validateRepresentation } from '../validate.ts'
import { fromBlob } from './blob.ts'
import { fromBuffer } from './buffer.ts'
import { hashAhead, tagOf } from './bytes-tag.ts'
import { type DirectSource, isPromise, isSource, type Source, toDirect } from './source.ts'

/** A part of a source that is made of several. */
export type Part = Source | Uint8Array | Blob

/** Parts by their place. */
export interface PartList {
  readonly count: number
  /** The position of the first byte of a part, and at `count` the complete length. */
  startOf(index: number): number
  /** Exactly the bytes of a range of a part, at once if they are in memory. */
  readPart(
    index: number,
    range: ByteRange,
    signal: AbortSignal,
  ): Uint8Array | AsyncIterable<Uint8Array>
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
 * Makes a source of each part. Bytes have a hash of them as their tag. A source that can be opened
 * for each read, such as a file, holds nothing until then.
 *
 * @throws the error of a promise among the parts, or `ERR_INVALID_…`: the others are then closed
 */
export async function openParts(
  parts: readonly (Part | PromiseLike<Part>)[],
  action: string,
): Promise<DirectSource[]> {
  const opening = await Promise.allSettled(parts.map((part) => openPart(part, action)))
  const open = opening.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = opening.find((each) => each.status === 'rejected')
  if (!failed) return open
  await closeParts(open)
  throw failed.reason
}

/** As {@link openParts}, for one part. */
export async function openPart(
  part: Part | PromiseLike<Part>,
  action: string,
): Promise<DirectSource> {
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
export async function closeParts(parts: readonly DirectSource[]): Promise<void> {
  await Promise.allSettled(
    parts.map(async (part) => {
      if (!part.open) await part.close?.()
    }),
  )
}

/** Yields exactly the bytes of a range of all parts; reads only the parts that it touches. */
export async function* readParts(
  list: PartList,
  { firstPos, lastPos }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let position = firstPos
  for (let index = findPart(list, firstPos); position <= lastPos; index++) {
    const start = list.startOf(index)
    const end = Math.min(list.startOf(index + 1), lastPos + 1)
    if (end <= position) continue
    const range = { firstPos: position - start, lastPos: end - 1 - start }
    const content = list.readPart(index, range, signal)
    if (content instanceof Uint8Array) yield content
    else yield* content
    position = end
  }
}

/** The part that holds the byte at a position. */
function findPart(list: PartList, position: number): number {
  let low = 0
  let high = list.count - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (list.startOf(middle) <= position) low = middle
    else high = middle - 1
  }
  return low
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
