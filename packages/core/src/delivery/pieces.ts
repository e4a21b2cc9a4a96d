// A body in pieces, each sent before the next is requested: one piece in memory at a time.

import { isBytes, type Segment } from '../semantics/segments.ts'
import { readBody, tooShort } from '../sources/read-range.ts'
import { type DirectSource, readInto } from '../sources/source.ts'
import { type BufferPool, hugeBuffers, largeBuffers, smallBuffers, smallSize } from './pool.ts'

/**
 * The size of a piece of bytes in memory, so that one response cannot fill a turn of the event
 * loop.
 */
const memorySize = 1024 * 1024

/** The pieces of one body. */
export interface Pieces {
  /** Whether the memory of a piece may be filled again once the next is requested. */
  readonly reuses: boolean
  /** The next piece; `undefined` at the end. */
  next(): Uint8Array | Promise<Uint8Array | undefined> | undefined
  /** Fills the memory of the last piece no more: something may still read it. */
  keep(): void
  /**
   * Stops reading. Called once.
   *
   * @param reusable whether nothing can read the pieces any more, so that their memory can be
   *   reused
   */
  close(reusable: boolean): void
}

/** How pieces are made. */
export interface PieceOptions {
  /** Whether pieces may lie in memory that is reused. */
  readonly pooled: boolean
  /** The most bytes of a piece. */
  readonly max: number
}

/** A body as pieces, read in the way that suits its source best. */
export function toPieces(
  segments: readonly Segment[],
  source: DirectSource,
  signal: () => AbortSignal,
  options: PieceOptions,
): Pieces {
  if (source.bytes) return new MemoryPieces(segments, source.bytes, options.max)
  if (source.readInto) return new ReadPieces(segments, source, options)
  return new ChunkPieces(readBody(segments, source, signal()), options.max)
}

/** Bytes in memory, without a copy. */
class MemoryPieces implements Pieces {
  readonly reuses = false
  readonly #segments: readonly Segment[]
  readonly #bytes: Uint8Array
  readonly #max: number
  #index = 0
  #offset = 0

  constructor(segments: readonly Segment[], bytes: Uint8Array, max: number) {
    this.#segments = segments
    this.#bytes = bytes
    this.#max = Math.min(max, memorySize)
  }

  next(): Uint8Array | undefined {
    const segment = this.#segments[this.#index]
    if (!segment) return undefined
    const whole = isBytes(segment)
      ? segment
      : this.#bytes.subarray(segment.firstPos, segment.lastPos + 1)
    const piece = whole.subarray(this.#offset, this.#offset + this.#max)
    this.#offset += piece.length
    if (this.#offset === whole.length) {
      this.#index++
      this.#offset = 0
    }
    return piece
  }

  keep(): void {}
  close(): void {}
}

/** The chunks that a source yields, in pieces of at most `max` bytes. */
class ChunkPieces implements Pieces {
  /** The source owns what it yields, and may fill one buffer again and again. */
  readonly reuses = true
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #max: number
  #rest: Uint8Array = new Uint8Array(0)

  constructor(chunks: AsyncGenerator<Uint8Array>, max: number) {
    this.#chunks = chunks
    this.#max = max
  }

  next(): Uint8Array | Promise<Uint8Array | undefined> {
    return this.#rest.length > 0 ? this.#take(this.#rest) : this.#pull()
  }

  async #pull(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#chunks.next()
    return done === true ? undefined : this.#take(value)
  }

  #take(chunk: Uint8Array): Uint8Array {
    this.#rest = chunk.subarray(this.#max)
    return chunk.subarray(0, this.#max)
  }

  /** The memory is the source's. */
  keep(): void {}

  close(): void {
    void this.#chunks.return(undefined).catch(() => {})
  }
}

/** A client that has not taken a piece after this time, in milliseconds, gets smaller ones. */
const slowMs = 50
/** More than the kernel buffers for a client that does not read, in bytes. */
const provenBytes = 8 * 1024 * 1024
/** How many responses at once get pieces of up to 512 KiB, and of up to 192 KiB: 16 and 24 MiB. */
const fewReaders = 32
const manyReaders = 128
/** The responses that are being read in pieces, each of which may hold one. */
let readers = 0

/**
 * Reads into one buffer again and again, or into new memory for each piece. Larger pieces cost
 * less, but a piece that waits for a slow client holds memory, so only a client that keeps up gets
 * large ones.
 */
class ReadPieces implements Pieces {
  readonly reuses: boolean
  readonly #segments: readonly Segment[]
  readonly #source: DirectSource
  readonly #max: number
  #pool: BufferPool = largeBuffers
  #buffer: Buffer | undefined
  #index = 0
  #offset = 0
  #given = 0
  #givenAt = Infinity

  constructor(segments: readonly Segment[], source: DirectSource, options: PieceOptions) {
    readers++
    this.#segments = segments
    this.#source = source
    this.#max = options.max
    this.reuses = options.pooled
  }

  next(): Promise<Uint8Array> | undefined {
    return this.#index === this.#segments.length ? undefined : this.#fill()
  }

  /** Fills a buffer: the head of a part shares a piece with its content, as do many small parts. */
  async #fill(): Promise<Uint8Array> {
    const buffer = this.#suitableBuffer()
    const size = Math.min(buffer.length, this.#max)
    let filled = 0
    for (let segment; (segment = this.#segments[this.#index]) && filled < size;) {
      const room = size - filled
      if (isBytes(segment)) {
        const piece = segment.subarray(this.#offset, this.#offset + room)
        buffer.set(piece, filled)
        filled += this.#advance(piece.length, segment.length)
        continue
      }
      const firstPos = segment.firstPos + this.#offset
      const missing = segment.lastPos + 1 - firstPos
      const target = filled === 0 ? buffer : buffer.subarray(filled)
      const count = await readInto(this.#source, target, Math.min(room, missing), firstPos)
      if (count === 0) throw tooShort(segment, missing)
      filled += this.#advance(count, segment.lastPos + 1 - segment.firstPos)
    }
    this.#given += filled
    this.#givenAt = performance.now()
    return buffer.subarray(0, filled)
  }

  #advance(count: number, length: number): number {
    this.#offset += count
    if (this.#offset === length) {
      this.#index++
      this.#offset = 0
    }
    return count
  }

  #suitableBuffer(): Buffer {
    const isSlow = performance.now() - this.#givenAt > slowMs
    const isProven = this.#given >= provenBytes && readers <= fewReaders
    const isSmall = this.#max <= smallSize || isSlow || readers > manyReaders
    const pool = isSmall ? smallBuffers : isProven ? hugeBuffers : largeBuffers
    if (!this.reuses) {
      return Buffer.allocUnsafeSlow(this.#nextLength(Math.min(pool.size, this.#max)))
    }
    if (this.#buffer && pool !== this.#pool) {
      this.#pool.give(this.#buffer)
      this.#buffer = undefined
    }
    this.#pool = pool
    this.#buffer ??= pool.take()
    return this.#buffer
  }

  /** The length of the next piece: the rest of the body may be shorter than a buffer. */
  #nextLength(max: number): number {
    let length = -this.#offset
    for (let i = this.#index; i < this.#segments.length && length < max; i++) {
      const segment = this.#segments[i]!
      length += isBytes(segment) ? segment.length : segment.lastPos + 1 - segment.firstPos
    }
    return Math.min(length, max)
  }

  keep(): void {
    this.#buffer = undefined
  }

  close(reusable: boolean): void {
    readers--
    if (this.#buffer && reusable) this.#pool.give(this.#buffer)
    this.#buffer = undefined
  }
}
