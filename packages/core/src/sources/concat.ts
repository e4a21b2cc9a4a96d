import { invalidArgument } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import { type Representation, validateLength } from '../semantics/representation.ts'
import { nameOf, validateMetadata } from '../validate.ts'
import type { Metadata } from './buffer.ts'
import {
  closeParts,
  combineValidators,
  type OpenPart,
  openParts,
  type Part,
  validatePart,
} from './parts.ts'
import { PartsSource } from './parts-source.ts'
import { readRange } from './read-range.ts'
import type { Source } from './source.ts'

/**
 * Makes one source of several, in their order: a recording that is stored in pieces, or a header, a
 * file and a trailer. A part is a source, a `Uint8Array`, a `Blob`, or a promise of one, such as that
 * of `fromFile`. A range is read from those parts alone that it touches, and a file is opened when
 * it is read.
 *
 * The source has an ETag if all parts have one; it is strong if all of theirs are. Bytes are tagged by
 * a hash of them. It has a Last-Modified, the newest of the parts, if all have one; a date does not
 * resume a download, since a part can be replaced by an older one. The type is that of the parts, if
 * they agree.
 *
 * @example
 * await fromConcat([header, fromFile('/srv/part-1.ts'), fromFile('/srv/part-2.ts')], {
 *   type: 'video/mp2t',
 * })
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`, at the call; for what a promise resolves to, by
 *   rejecting
 */
export function fromConcat(
  parts: readonly (Part | PromiseLike<Part>)[],
  metadata: Metadata = {},
): Promise<Source> {
  if (!Array.isArray(parts)) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot ${action}: a list of sources is needed, got ${nameOf(parts)}`,
    )
  }
  validateMetadata(metadata)
  for (const part of parts) validatePart(part, action)
  return concat(parts, metadata)
}

const action = 'join the parts'

async function concat(
  parts: readonly (Part | PromiseLike<Part>)[],
  metadata: Metadata,
): Promise<Source> {
  const sources = await openParts(parts, action)
  try {
    const length = sources.reduce((sum, source) => sum + source.length, 0)
    validateLength(length, action)
    const types = new Set(sources.flatMap(({ type }) => type ?? []))
    const [type] = types.size === 1 ? types : []
    const { lastChanged, ...own } = await combineValidators(sources, '')
    // It belongs to the date of the parts.
    const changed = metadata.lastModified === undefined ? { lastChanged } : {}
    return new ConcatSource(sources, length, { ...own, type, ...changed }, metadata)
  } catch (error) {
    await closeParts(sources)
    throw error
  }
}

class ConcatSource extends PartsSource {
  protected readonly count: number
  readonly #parts: readonly OpenPart[]
  readonly #starts: readonly number[]

  constructor(
    parts: readonly OpenPart[],
    length: number,
    ...metadata: readonly Partial<Representation>[]
  ) {
    super(parts, length, ...metadata)
    let start = 0
    this.#starts = parts.map((part) => (start += part.length) - part.length)
    this.#parts = parts
    this.count = parts.length
  }

  protected startOf(index: number): number {
    return this.#starts[index] ?? this.length
  }

  protected readPart(
    index: number,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    return readRange(this.#parts[index]!, range, signal)
  }
}
