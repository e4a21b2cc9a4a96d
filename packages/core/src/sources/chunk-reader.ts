import type { Readable } from 'node:stream'
import { sourceError } from '../errors.ts'
import { DiscardPace, discardFeeders, isNodeEmitter, mayEndEarly, nextTurn } from './early-end.ts'
import { nameOf } from '../validate.ts'

/** A stream that {@link isByteStream} knows: a web stream of this process, or one to be iterated. */
export type KnownStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** What such a stream yields: bytes, as far as its type is right. */
type Chunk = { readonly length?: number } | undefined

/** Reads a stream of any kind chunk by chunk, and can stop at any time, even during a read. */
export class ChunkReader {
  readonly #stream: KnownStream
  readonly #next: () => Promise<{ readonly done?: boolean; readonly value?: Chunk }>
  readonly #cancel: () => unknown
  #ended = false
  #started = false

  constructor(stream: KnownStream) {
    this.#stream = stream
    if (stream instanceof ReadableStream) {
      // Its own iterator would wait for a pending read before it cancels.
      const reader = stream.getReader()
      this.#next = () => reader.read()
      // Cancelled at once, Readable.toWeb would still enqueue the chunk it holds to a closed
      // stream, and that error ends the process. In the next turn it holds none.
      this.#cancel = () => nextTurn().then(() => reader.cancel())
    } else {
      const iterator = iterate(stream)
      this.#next = () => iterator.next()
      this.#cancel = () => iterator.return?.()
    }
  }

  /** Whether a read has begun. */
  get started(): boolean {
    return this.#started
  }

  /** Whether the stream has ended or was closed. */
  get ended(): boolean {
    return this.#ended
  }

  /** The next chunk, or `undefined` at the end. It is valid until the one after is requested. */
  async next(): Promise<Uint8Array | undefined> {
    this.#watchFeeders()
    const { done, value } = await this.#next()
    if (done === true) {
      this.#ended = true
      return undefined
    }
    return toBytes(value)
  }

  /** Cancels the stream, even during a read: a Node stream is destroyed, an iterator returned. */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    try {
      const stream = this.#stream as KnownStream & { destroy?: () => void; on?: Function }
      // The iterator of a Node stream would wait for the read under way.
      if (typeof stream.destroy === 'function' && typeof stream.on === 'function') {
        this.#watchFeeders()
        stream.on('error', noop)
        stream.destroy()
      }
      Promise.resolve(this.#cancel()).catch(noop)
    } catch {
      // A stream that cannot be stopped is left to the code that made it.
    }
  }

  /** A stream that may be ended early has none, and a listener would make it look as if it had. */
  #watchFeeders(): void {
    if (!this.#started && !mayEndEarly(this.#stream, {})) discardFeeders(this.#stream)
    this.#started = true
  }

  /** Reads the stream to its end and discards it, yielding to the event loop. Never rejects. */
  async discard(): Promise<void> {
    if (this.#ended) return
    this.#watchFeeders()
    const pace = new DiscardPace()
    try {
      for (;;) {
        const { done, value } = await this.#next()
        if (done === true) break
        if (pace.count(value?.length ?? 0)) await nextTurn()
      }
    } catch {
      // The rest is not needed.
    }
    this.#ended = true
  }
}

/**
 * Returns the iterator of a stream. It must not destroy a Node stream at its end: a stream that can
 * still be written to would report an error.
 */
function iterate(stream: AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  const { iterator }: AsyncIterable<Uint8Array> & Partial<Pick<Readable, 'iterator'>> = stream
  return isNodeEmitter(stream) && typeof iterator === 'function'
    ? iterator.call(stream, { destroyOnReturn: false })
    : stream[Symbol.asyncIterator]()
}

/** Whether a value can be read chunk by chunk. */
export function isByteStream(value: unknown): value is KnownStream {
  if (value instanceof ReadableStream) return true
  const { [Symbol.asyncIterator]: method } = (value ?? {}) as Partial<AsyncIterable<Uint8Array>>
  return typeof method === 'function'
}

/** A chunk of any type as bytes. */
export function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return new TextEncoder().encode(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw sourceError(
    500,
    'ERR_INVALID_ARGUMENT',
    `The source gave ${nameOf(chunk)} instead of bytes${instead(chunk)}`,
  )
}

/** What a `read` should return instead. */
function instead(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  if (value instanceof Response) return ': return response.body'
  if (value instanceof Blob) return ': return blob.stream(), or fromBlob(blob) for the source'
  if (ArrayBuffer.isView(value)) {
    return ': return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)'
  }
  if (Array.isArray(value)) return ': return Buffer.concat(chunks)'
  if ('body' in value || 'Body' in value) return ': return its body'
  if ('pipe' in value) return ': return new Readable().wrap(stream)'
  if ('getReader' in value)
    return ': it cannot be iterated; return a ReadableStream of this process'
  return ''
}

function noop(): void {}
