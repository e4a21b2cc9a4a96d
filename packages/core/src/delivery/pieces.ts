// A body in pieces, each to be sent before the next is asked for: one piece in hand at a time.

import { isBytes, type Segment } from '../semantics/byteranges.ts'
import { type ByteRange, byteLength } from '../semantics/range.ts'
import { readBody, tooShort } from '../sources/read-range.ts'
import { hugeBuffers, largeBuffers, smallBuffers, smallSize } from './pool.ts'
import { type DirectSource, readInto } from '../sources/source.ts'

/** How much of bytes in memory is one piece, so that one answer cannot fill a whole turn. */
const memorySize = 1024 * 1024

/** The pieces of one body. */
export interface Pieces {
  /** Whether a piece's memory is used again for the one after. */
  readonly recycles: boolean
  /** The next piece, valid until the one after is asked for; `undefined` at the end. */
  next(): Uint8Array | Promise<Uint8Array | undefined> | undefined
  /**
   * No more of them are wanted.
   *
   * @param isSent whether the kernel has all that was given out, so that its memory can be used again
   */
  close(isSent: boolean): void
}

/**
 * A body as pieces: read in the way that suits its source best.
 *
 * @param small whether none of them may be larger than `smallSize`, where that is ours to say
 */
export function toPieces(
  segments: readonly Segment[],
  source: DirectSource,
  signal: () => AbortSignal,
  small = false,
): Pieces {
  if (source.bytes) {
    return new MemoryPieces(segments, source.bytes, small ? smallSize : memorySize)
  }
  if (source.readInto) return new ReadPieces(segments, source, small)
  const chunks = readBody(segments, source, signal())
  return {
    recycles: false,
    next: async () => (await chunks.next()).value as Uint8Array | undefined,
    close: () => void chunks.return(undefined).catch(() => {}),
  }
}

/**
 * Reads a small body into one buffer, which must hold it; its ranges side by side. Gives a promise
 * unless the source can be read at once.
 */
function gather(
  segments: readonly Segment[],
  source: DirectSource,
  target: Buffer,
): Promise<unknown> | undefined {
  if (source.readNow) return gatherNow(segments, source, target)
  const [only] = segments
  if (segments.length === 1 && only && !isBytes(only)) return readRangeInto(source, target, only)
  const reads: Promise<void>[] = []
  let position = 0
  for (const segment of segments) {
    if (isBytes(segment)) {
      target.set(segment, position)
      position += segment.length
    } else {
      reads.push(readRangeInto(source, target.subarray(position), segment))
      position += byteLength(segment)
    }
  }
  // All of them, also where one has failed: until the last is back, the target is theirs.
  return Promise.allSettled(reads).then((results) => {
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
}

function gatherNow(segments: readonly Segment[], source: DirectSource, target: Buffer): undefined {
  let position = 0
  for (const segment of segments) {
    if (isBytes(segment)) {
      target.set(segment, position)
      position += segment.length
      continue
    }
    for (let { firstPos } = segment; firstPos <= segment.lastPos;) {
      const missing = segment.lastPos + 1 - firstPos
      const count = source.readNow!(target.subarray(position), missing, firstPos)
      if (count === 0) throw tooShort(segment, missing)
      firstPos += count
      position += count
    }
  }
}

function readRangeInto(source: DirectSource, target: Uint8Array, range: ByteRange): Promise<void> {
  return new Promise((resolve, reject) => {
    const read = (room: Uint8Array, missing: number): void => {
      source.readInto!(room, missing, range.lastPos + 1 - missing, (error, count) => {
        if (error) reject(error)
        else if (count === missing) resolve()
        else if (count === 0) reject(tooShort(range, missing))
        else read(room.subarray(count), missing - count)
      })
    }
    read(target, byteLength(range))
  })
}

/** A small body that is read before it is certain that it will be sent. */
export class ReadAhead {
  readonly buffer: Buffer = smallBuffers.take()
  /** `undefined` where it is read already. */
  readonly reading: Promise<unknown> | undefined

  constructor(segments: readonly Segment[], source: DirectSource) {
    this.reading = gather(segments, source, this.buffer)
    // Whoever wants the bytes hears of it; perhaps nobody does.
    this.reading?.catch(() => {})
  }
}

/** Whether {@link gather} can read a source. */
export function canGather(source: DirectSource): boolean {
  return source.readInto !== undefined
}

/** Bytes in memory, as they lie. */
class MemoryPieces implements Pieces {
  readonly recycles = false
  readonly #segments: readonly Segment[]
  readonly #bytes: Uint8Array
  readonly #most: number
  #index = 0
  #offset = 0

  constructor(segments: readonly Segment[], bytes: Uint8Array, most: number) {
    this.#segments = segments
    this.#bytes = bytes
    this.#most = most
  }

  next(): Uint8Array | undefined {
    const segment = this.#segments[this.#index]
    if (!segment) return undefined
    const whole = isBytes(segment)
      ? segment
      : this.#bytes.subarray(segment.firstPos, segment.lastPos + 1)
    const piece = whole.subarray(this.#offset, this.#offset + this.#most)
    this.#offset += piece.length
    if (this.#offset === whole.length) {
      this.#index++
      this.#offset = 0
    }
    return piece
  }

  close(): void {}
}

/** A client that has not taken a piece after this long, in milliseconds, gets smaller ones. */
const slowMs = 50
/** More than the kernel takes for a client that does not read, in bytes. */
const proofOfSpeed = 8 * 1024 * 1024

/**
 * Read into one buffer, again and again. The larger it is the less it costs; but one that waits for a
 * slow client is memory held, so only a client that keeps up is given large ones.
 */
class ReadPieces implements Pieces {
  readonly recycles = true
  readonly #segments: readonly Segment[]
  readonly #source: DirectSource
  readonly #small: boolean
  #pool = largeBuffers
  #buffer: Buffer | undefined
  #index = 0
  #offset = 0
  #given = 0
  #givenAt = Infinity
  #reading = false

  constructor(segments: readonly Segment[], source: DirectSource, small: boolean) {
    this.#segments = segments
    this.#source = source
    this.#small = small
  }

  next(): Uint8Array | Promise<Uint8Array> | undefined {
    const segment = this.#segments[this.#index]
    if (!segment) return undefined
    if (!isBytes(segment)) return this.#read(segment)
    this.#index++
    return segment
  }

  async #read(range: ByteRange): Promise<Uint8Array> {
    const buffer = this.#suitableBuffer()
    const missing = byteLength(range) - this.#offset
    const length = Math.min(buffer.length, missing)
    this.#reading = true
    const count = await readInto(this.#source, buffer, length, range.firstPos + this.#offset)
    this.#reading = false
    if (count === 0) throw tooShort(range, missing)
    this.#offset += count
    this.#given += count
    this.#givenAt = performance.now()
    if (count === missing) {
      this.#index++
      this.#offset = 0
    }
    return buffer.subarray(0, count)
  }

  #suitableBuffer(): Buffer {
    const isSlow = performance.now() - this.#givenAt > slowMs
    const proven = this.#given >= proofOfSpeed ? hugeBuffers : largeBuffers
    const pool = this.#small || isSlow ? smallBuffers : proven
    if (this.#buffer && pool !== this.#pool) {
      this.#pool.give(this.#buffer)
      this.#buffer = undefined
    }
    this.#pool = pool
    this.#buffer ??= pool.take()
    return this.#buffer
  }

  close(isSent: boolean): void {
    if (this.#buffer && isSent && !this.#reading) this.#pool.give(this.#buffer)
    this.#buffer = undefined
  }
}
