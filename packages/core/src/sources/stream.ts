import type { EventEmitter } from 'node:events'
import { invalidArgument, sourceError } from '../errors.ts'
import { overlap } from '../semantics/segments.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Metadata } from './buffer.ts'
import { ChunkReader, isByteStream, type KnownStream } from './chunk-reader.ts'
import {
  DiscardPace,
  endEarly,
  isReadElsewhere,
  mayEndEarly,
  nextTurn,
  type OwnListeners,
} from './early-end.ts'
import { type ByteStream, type DirectSource, pickMetadata, type Source } from './source.ts'
import { nameOf, validateRepresentation } from '../validate.ts'

/** The metadata that {@link fromStream} needs: a stream does not know its own length. */
export interface StreamMetadata extends Metadata {
  /** The complete length in bytes. */
  readonly length: number
}

/** Opens a stream at a range; `signal` aborts when it is no longer needed. */
export type OpenStream = (
  range: ByteRange,
  options: { readonly signal: AbortSignal },
) => ByteStream | Promise<ByteStream>

/**
 * Makes a source of a stream of known length, or of a function that opens one at a range.
 *
 * A stream passes by once: bytes before a range are read and discarded, and several ranges are sent in
 * ascending order. After the last requested byte the stream is ended, if it is certainly the head of a
 * chain that nothing else reads; any other is read to its end and discarded. A function is seekable:
 * it is called for each range, and what it returns should start at `firstPos`; bytes beyond `lastPos`
 * are cut off.
 *
 * @example
 * fromStream(({ firstPos, lastPos }) => createReadStream(path, { start: firstPos, end: lastPos }), {
 *   length: 8_322_278,
 * })
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`
 */
export function fromStream(stream: ByteStream | OpenStream, metadata: StreamMetadata): Source {
  if (metadata?.length === undefined) {
    throw invalidArgument(
      'ERR_INVALID_LENGTH',
      'Cannot serve the stream: its complete length in bytes is not known; write fromStream(stream, { length })',
    )
  }
  validateRepresentation(metadata)
  if (typeof stream === 'function') {
    const { length } = metadata
    return {
      ...pickMetadata(metadata),
      length,
      read: async (range, options) => stream(range, options),
    }
  }
  if (!isByteStream(stream)) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot serve the stream: ${nameOf(stream)} is no stream of bytes; fromBuffer and fromBlob make a source of what is in memory`,
    )
  }
  return new OnePassSource(stream, metadata)
}

class OnePassSource implements DirectSource {
  readonly isDirect: true = true
  readonly length: number
  readonly seekable = false
  readonly #stream: KnownStream
  readonly #reader: ChunkReader
  /** What the last chunk holds beyond the last range that was read. */
  #rest: Uint8Array = new Uint8Array(0)
  #position = 0
  #closed = false

  constructor(stream: KnownStream, metadata: StreamMetadata) {
    this.length = metadata.length
    Object.assign(this, pickMetadata(metadata))
    this.#stream = stream
    this.#reader = new ChunkReader(stream)
    // An error before the first read would end the process; that read will report it.
    if (isEmitter(stream)) stream.on('error', () => {})
  }

  async *read(range: ByteRange): AsyncGenerator<Uint8Array> {
    if (this.#closed || range.firstPos < this.#position) {
      throw sourceError(
        500,
        'ERR_SOURCE_CONSUMED',
        `The stream has passed position ${range.firstPos}: it can be served once`,
      )
    }
    const pace = new DiscardPace()
    while (this.#position <= range.lastPos) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#reader.next()
      if (!chunk) return
      const piece = overlap(chunk, this.#position, range)
      const taken = Math.min(chunk.length, range.lastPos + 1 - this.#position)
      this.#rest = chunk.subarray(taken)
      this.#position += taken
      if (piece.length > 0) yield piece
      else if (pace.count(chunk.length)) await nextTurn()
    }
  }

  get endsByItself(): boolean {
    const stream = this.#stream
    return isEmitter(stream) && !this.#reader.ended && !mayEndEarly(stream, this.#own)
  }

  close(aborted = false): Promise<void> | undefined {
    if (this.#closed) return undefined
    this.#closed = true
    const stream = this.#stream
    if (isEmitter(stream) && this.#reader.ended) {
      // A stream that can still be written to has ended on this side only.
      if (!isReadElsewhere(stream, this.#own)) stream.destroy?.()
    } else if (!isEmitter(stream) || (aborted && !isReadElsewhere(stream, this.#own))) {
      this.#reader.close()
    } else if (mayEndEarly(stream, this.#own)) {
      endEarly(stream)
    } else {
      return this.#reader.discard()
    }
    return undefined
  }

  /** The listeners of this source's reader. */
  get #own(): OwnListeners {
    return { readable: this.#reader.started ? 1 : 0 }
  }
}

/** A Node stream, or one that imitates it. */
interface EmittingStream extends EventEmitter {
  destroy?(): unknown
}

/** Whether a stream is a Node stream or imitates one: it emits events. */
function isEmitter(stream: KnownStream): stream is KnownStream & EmittingStream {
  const { on }: KnownStream & { readonly on?: unknown } = stream
  return typeof on === 'function'
}
