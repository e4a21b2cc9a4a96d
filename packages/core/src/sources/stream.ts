import { Readable } from 'node:stream'
import { invalidArgument, sourceError } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import { Pull } from './read-range.ts'
import type { Metadata } from './buffer.ts'
import { overlap } from '../semantics/cut.ts'
import { type ByteStream, pickMetadata, type Source, validateRepresentation } from './source.ts'

/** What {@link fromStream} must be told: a stream does not know its own length. */
export interface StreamMetadata extends Metadata {
  /** The complete length in bytes. */
  readonly length: number
}

/** Opens a stream at a range; `signal` aborts when nobody wants it any more. */
export type OpenStream = (
  range: ByteRange,
  options: { readonly signal: AbortSignal },
) => ByteStream | Promise<ByteStream>

/**
 * Makes a source of a stream of known length, or of a function that opens one at a range.
 *
 * A stream passes by once: what lies before a range is read and dropped, several ranges are sent in
 * ascending order, and after the last byte asked for the stream is destroyed. A function is seekable:
 * it is called for each range, and what it returns should start at `firstPos`; beyond `lastPos` it
 * is cut off.
 *
 * @example
 * fromStream(({ firstPos, lastPos }) => createReadStream(path, { start: firstPos, end: lastPos }), {
 *   length: 8_322_278,
 * })
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`
 */
export function fromStream(stream: ByteStream | OpenStream, metadata: StreamMetadata): Source {
  validateRepresentation(metadata)
  if (typeof stream === 'function') {
    const { length } = metadata
    return {
      ...pickMetadata(metadata),
      length,
      read: async (range, options) => stream(range, options),
    }
  }
  if (typeof stream?.[Symbol.asyncIterator] !== 'function') {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      'Cannot serve the stream: it is no stream of bytes',
    )
  }
  return new OnePassSource(stream, metadata)
}

class OnePassSource implements Source {
  readonly length: number
  readonly seekable = false
  readonly #stream: ByteStream
  #pull: Pull | undefined
  #rest: Uint8Array = new Uint8Array(0)
  #position = 0
  #closed = false

  constructor(stream: ByteStream, metadata: StreamMetadata) {
    this.length = metadata.length
    Object.assign(this, pickMetadata(metadata))
    this.#stream = stream
    // An error before anybody reads would end the process; the read that comes will see it.
    if (stream instanceof Readable) stream.on('error', () => {})
  }

  async *read(range: ByteRange): AsyncGenerator<Uint8Array> {
    if (this.#closed || range.firstPos < this.#position) {
      throw sourceError(
        500,
        'ERR_SOURCE_CONSUMED',
        `The stream has passed position ${range.firstPos}: it can be served once`,
      )
    }
    this.#pull ??= new Pull(this.#stream)
    while (this.#position <= range.lastPos) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#pull.next()
      if (!chunk) return
      const piece = overlap(chunk, this.#position, range)
      const taken = Math.min(chunk.length, range.lastPos + 1 - this.#position)
      this.#rest = chunk.subarray(taken)
      this.#position += taken
      if (piece.length > 0) yield piece
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pull ??= new Pull(this.#stream)
    this.#pull.stop()
  }
}
