// The content of one response. How it is read is decided here, once, and its source is closed here,
// once, after the last read.

import { contentLength, isBytes, type Segment } from '../semantics/segments.ts'
import type { DirectSource } from '../sources/source.ts'
import { Cancellation } from './cancellation.ts'
import { gather } from './gather.ts'
import { type Pieces, toPieces } from './pieces.ts'
import { smallBuffers, smallSize } from './pool.ts'

/** How content may be held in memory. */
export interface ContentOptions {
  /**
   * Whether content may lie in memory that is reused, which `provenSocket` has to confirm later.
   */
  readonly pooled: boolean
  /** The most bytes of a piece. Default: depends on the source and the client. */
  readonly maxPiece?: number | undefined
}

/**
 * How a response ended, for its content: `'sent'` if nothing can read the bytes that were given out
 * any more, `'kept'` if something still may, otherwise `'aborted'`.
 */
export type Ending = 'sent' | 'kept' | 'aborted'

export class Content {
  /** In bytes. */
  readonly length: number
  readonly #segments: readonly Segment[]
  readonly #source: DirectSource
  readonly #options: ContentOptions
  readonly #cancellation: Cancellation = new Cancellation()
  #pieces: Pieces | undefined
  /** All of a small body, and the read that fills it. */
  #buffer: Buffer | undefined
  #gathering: Promise<unknown> | undefined
  /** The first piece, if it was read before the response was decided. */
  #first: Promise<Uint8Array | undefined> | undefined
  /** A read that the kernel is performing: the source must not be closed before it completes. */
  #reading: Promise<unknown> | undefined
  #closed = false

  constructor(segments: readonly Segment[], source: DirectSource, options: ContentOptions) {
    this.length = contentLength(segments)
    this.#segments = segments
    this.#source = source
    this.#options = options
  }

  /** Whether the memory of a piece may be filled again once the next is requested. */
  get reuses(): boolean {
    return this.#pieces?.reuses ?? this.#options.pooled
  }

  /** Whether the source is a stream that can only be read to its end. */
  get endsByItself(): boolean {
    return this.#source.endsByItself === true
  }

  /**
   * Whether the source can be closed as soon as everything was read: nothing else can see its end.
   */
  get isReadAtRandom(): boolean {
    return this.#source.readInto !== undefined
  }

  /** The content in the caller's own memory, if it is one range of bytes there. */
  get slice(): Uint8Array | undefined {
    const { bytes } = this.#source
    const [only] = this.#segments
    if (!bytes || !only || this.#segments.length > 1 || isBytes(only)) return undefined
    return bytes.subarray(only.firstPos, only.lastPos + 1)
  }

  /** Reads the first piece, which `next` will return, or throw the error of. */
  async begin(): Promise<void> {
    this.#first = Promise.resolve(this.next())
    await this.#first
  }

  /** Begins to read what `whole` will return, although it is not yet certain to be sent. */
  readAhead(): void {
    if (this.#buffer || !this.#isSmall) return
    const { pooled } = this.#options
    this.#buffer = pooled ? smallBuffers.take() : Buffer.allocUnsafeSlow(this.length)
    this.#gathering = gather(this.#segments, this.#source, this.#buffer)
    this.#reading = this.#gathering
    // `whole` reports an error; it may never be called.
    this.#gathering?.catch(noop)
  }

  /** All of it in one buffer, if it is small and read from a descriptor; otherwise `undefined`. */
  whole(): Buffer | Promise<Buffer> | undefined {
    this.readAhead()
    const bytes = this.#buffer?.subarray(0, this.length)
    if (!bytes || !this.#gathering) return bytes
    return this.#gathering.then(
      () => {
        this.#reading = undefined
        return bytes
      },
      (error: unknown) => {
        this.#reading = undefined
        throw error
      },
    )
  }

  get #isSmall(): boolean {
    const max = Math.min(smallSize, this.#options.maxPiece ?? smallSize)
    return this.length > 0 && this.length <= max && this.#source.readInto !== undefined
  }

  /** The next piece, valid until the one after is requested; `undefined` at the end. */
  next(): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    const first = this.#first
    if (first) {
      this.#first = undefined
      return first
    }
    this.#pieces ??= toPieces(this.#segments, this.#source, () => this.#cancellation.signal, {
      pooled: this.#options.pooled,
      max: this.#options.maxPiece ?? Infinity,
    })
    const piece = this.#pieces.next()
    if (piece instanceof Promise && this.#source.readInto) {
      const reading = piece.finally(() => {
        if (this.#reading === reading) this.#reading = undefined
      })
      this.#reading = reading
      return reading
    }
    return piece
  }

  /** Leaves the memory of the last piece to what may still read it. */
  keep(): void {
    this.#pieces?.keep()
  }

  /** Aborts what is being read. */
  cancel(reason?: unknown): void {
    this.#cancellation.cancel(reason)
  }

  /**
   * Closes the source, and releases the memory that was read into. Waits for a read in flight,
   * whose memory is then not reused.
   *
   * @returns a promise, which never rejects, if the source is still being read to its end
   */
  close(ending: Ending): Promise<void> | undefined {
    if (this.#closed) return undefined
    this.#closed = true
    if (ending === 'aborted') this.cancel()
    if (this.#reading) {
      void this.#reading.then(noop, noop).then(() => {
        this.#release(false)
        return this.#closeSource('aborted')
      })
      return undefined
    }
    this.#release(ending === 'sent')
    return this.#closeSource(ending)
  }

  #release(reusable: boolean): void {
    this.#pieces?.close(reusable)
    if (this.#buffer && reusable && this.#options.pooled) smallBuffers.give(this.#buffer)
    this.#buffer = undefined
  }

  #closeSource(ending: Ending): Promise<void> | undefined {
    const { endsByItself } = this
    try {
      const closing: unknown = this.#source.close?.(ending === 'aborted')
      if (!(closing instanceof Promise)) return undefined
      const closed = closing.then(noop, noop)
      // A source that is slow to close delays nothing.
      return endsByItself ? closed : undefined
    } catch {
      // A source that fails to close does not affect the response, which is over.
      return undefined
    }
  }
}

function noop(): void {}
