import { invalidArgument, outOfRange } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Metadata } from './buffer.ts'
import { readRange } from './read-range.ts'
import { pickMetadata, type Source } from './source.ts'
import { nameOf, validateRepresentation } from '../validate.ts'

/**
 * What {@link fromReader} needs: a length, a way to read a range, and the metadata that is known.
 */
export interface Reader extends Metadata, Pick<Source, 'read' | 'close'> {
  /** The complete length in bytes. */
  readonly length: number
  /**
   * The most bytes that `read` is called for at once, so that a `read` that returns a `Uint8Array`
   * does not hold a large range in memory. Default: no limit.
   */
  readonly maxRead?: number | undefined
}

/**
 * Makes a source of anything that can be read at random: an object store, a database, another server.
 *
 * @example
 * fromReader({
 *   length: head.ContentLength,
 *   etag: head.ETag,
 *   read: async ({ firstPos, lastPos }, { signal }) =>
 *     (await get(`bytes=${firstPos}-${lastPos}`, signal)).Body,
 * })
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`, for a reader that can never work
 */
export function fromReader(reader: Reader): Source {
  if (typeof reader?.read !== 'function') {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot serve the reader: ${nameOf(reader)} has no read method; write fromReader({ length, read })`,
    )
  }
  validateRepresentation(reader)
  const { maxRead } = reader
  if (maxRead === undefined) return reader
  if (!Number.isSafeInteger(maxRead) || maxRead < 1) {
    throw outOfRange('ERR_INVALID_ARGUMENT', `maxRead must be a positive integer, got ${maxRead}`)
  }
  return {
    ...pickMetadata(reader),
    length: reader.length,
    read: (range, options) => readInTurn(reader, range, maxRead, options),
    close: () => reader.close?.(),
  }
}

async function* readInTurn(
  reader: Reader,
  range: ByteRange,
  maxRead: number,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  for (let firstPos = range.firstPos; firstPos <= range.lastPos; firstPos += maxRead) {
    const lastPos = Math.min(range.lastPos, firstPos + maxRead - 1)
    yield* readRange(reader, { firstPos, lastPos }, options.signal)
  }
}
