// Segments and a source → bytes, exact to the byte.

import { Readable, Stream } from 'node:stream'
import { sourceError, type SourceError } from '../errors.ts'
import { isBytes, type Segment } from '../semantics/byteranges.ts'
import { type ByteRange, byteLength } from '../semantics/range.ts'
import type { ByteStream, Source } from './source.ts'

/** The bytes of a body, in pieces as the source gives them; throws where the source runs short. */
export async function* readBody(
  segments: readonly Segment[],
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const segment of segments) {
    if (isBytes(segment)) yield segment
    else yield* readRange(source, segment, signal)
  }
}

/**
 * Exactly the bytes of a range. A source that holds more is cut off; one that runs short throws
 * `ERR_SOURCE_TOO_SHORT`; one that ignores the signal is left behind when that aborts.
 */
export async function* readRange(
  source: Pick<Source, 'read'>,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  let remaining = byteLength(range)
  const reading = Promise.resolve(source.read(range, { signal }))
  const result = await untilAborted(reading, signal).catch((error: unknown) => {
    reading.then(releaseLate, () => {})
    throw error
  })
  const pull = new Pull(isByteStream(result) ? result : once(toBytes(result)))
  try {
    while (remaining > 0) {
      const chunk = await untilAborted(pull.next(), signal)
      if (!chunk) throw tooShort(range, remaining)
      if (chunk.length === 0) continue
      const piece = chunk.length > remaining ? chunk.subarray(0, remaining) : chunk
      remaining -= piece.length
      yield piece
    }
  } finally {
    pull.stop()
  }
}

/** What a source that ran short of a range throws. */
export function tooShort(range: ByteRange, missing: number): SourceError {
  return sourceError(
    500,
    'ERR_SOURCE_TOO_SHORT',
    `The source ended ${missing} bytes before the end of ${range.firstPos}-${range.lastPos}`,
  )
}

/** Pulls chunks out of a stream of any kind, and lets go of it at once when told to. */
export class Pull {
  readonly #stream: ByteStream
  readonly #next: () => Promise<IteratorResult<Uint8Array, unknown>>
  readonly #stop: () => unknown
  #ended = false

  constructor(stream: ByteStream) {
    this.#stream = stream
    if (stream instanceof ReadableStream) {
      // Its own iterator would let a pending read finish before it cancels.
      const reader = stream.getReader()
      this.#next = () => reader.read() as Promise<IteratorResult<Uint8Array, unknown>>
      // At once, Readable.toWeb would still enqueue what it has in hand, to a stream that is closed,
      // and that error ends the process. In the next turn it has nothing in hand.
      this.#stop = () => new Promise((resolve) => setImmediate(() => resolve(reader.cancel())))
    } else {
      const iterator = stream[Symbol.asyncIterator]()
      this.#next = () => iterator.next()
      this.#stop = () => iterator.return?.()
    }
  }

  /** The next chunk, or `undefined` at the end. */
  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#next()
    if (done === true) {
      this.#ended = true
      return undefined
    }
    return toBytes(value)
  }

  /** Releases the stream, also while a `next` is pending. */
  stop(): void {
    if (this.#ended) return
    this.#ended = true
    try {
      // A Node stream's iterator would wait for its pending read.
      if (this.#stream instanceof Stream) abandon(this.#stream)
      Promise.resolve(this.#stop()).catch(() => {})
    } catch {
      // A stream that cannot be stopped is its maker's.
    }
  }
}

/**
 * Ends a stream at once: it is told that it is at its end, so that whoever waits for that takes it for
 * success, and destroyed, before anybody else hears of it: what is left of an upstream's answer must
 * not go back to its agent.
 */
export function endEarly(stream: Readable): void {
  stream.prependOnceListener('end', () => stream.destroy())
  stream.push = () => false
  Readable.prototype.push.call(stream, null)
  stream.resume()
}

/** Destroys a stream whose errors nobody wants to know of any more. */
function abandon(stream: Stream & { destroy?: () => void }): void {
  stream.on('error', () => {})
  stream.destroy?.()
}

/** Lets go of a stream that comes when nobody waits for it any more. */
function releaseLate(result: unknown): void {
  if (isByteStream(result)) new Pull(result).stop()
}

function isByteStream(result: unknown): result is ByteStream {
  return typeof (result as Partial<ByteStream> | undefined)?.[Symbol.asyncIterator] === 'function'
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw sourceError(500, 'ERR_INVALID_ARGUMENT', `The source gave ${typeof chunk} for bytes`)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Settles as the promise does, or rejects as soon as the signal aborts. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) {
      // A source that honours the signal rejects too, with nobody left to hear it.
      promise.catch(() => {})
      return abort()
    }
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
