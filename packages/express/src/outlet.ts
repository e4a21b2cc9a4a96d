import type { ServerResponse } from 'node:http'
import { isUnpatched, type OngoingTransfer } from '@range-serve/core/adapter'
import { isGone, whenOver } from '@range-serve/core/filter'
import { type Callback, formatContent } from './arguments.ts'
import type { Methods } from './methods.ts'

/** The most bytes written at once of content whose transfer is observed. */
const observedPiece = 1024 * 1024

/** What is sent of one response, through the methods below the hooks; counts it for its transfer. */
export class Outlet {
  readonly response: ServerResponse
  readonly #below: Methods
  #transfer: OngoingTransfer | undefined
  /** Bytes given to the response so far, whether or not they are out. */
  #given = 0
  /** What a patched `write` was given when it last requested to wait, and the callback for it. */
  #waiting: { readonly bytes: number; readonly callback: Callback } | undefined
  #listens = false
  /** Whether all of the content has been reported out before the end of the response. */
  isOut = false

  constructor(response: ServerResponse, below: Methods) {
    this.response = response
    this.#below = below
  }

  /** Whether what is written goes to Node's own methods, which call back when it is out. */
  get isPlain(): boolean {
    return isUnpatched(this.#below)
  }

  /** Reports a transfer that is over, in the asynchronous context of the call. */
  async observe(transfer: OngoingTransfer): Promise<void> {
    this.#transfer = transfer
    const sent = await new Promise<boolean>((resolve) => void whenOver(this.response, resolve))
    if (sent) transfer.bytesSent = this.#given
    transfer.finish(!this.isOut && (!sent || this.#given < transfer.bytesPlanned))
  }

  /** Passes `write(...args)` of `length` bytes on as it is. */
  passWrite(args: unknown[], length: number, callback: Callback | undefined): unknown {
    const { response } = this
    if (!this.#transfer) return this.#below.write.apply(response, args)
    if (!this.isPlain) return this.#writeToDrain(args, length)
    this.#give(length)
    const [chunk, encoding] = args
    const own = typeof encoding === 'string' ? encoding : undefined
    return this.#below.write.call(response, chunk, own, this.#counting(length, callback))
  }

  /** Passes `end(...args)` on; observed content goes in pieces, so that the count of bytes sent is exact. */
  passEnd(args: unknown[], content: Uint8Array | undefined, callback?: Callback): unknown {
    const { response } = this
    const isLarge = content !== undefined && content.length > observedPiece
    if (!this.#transfer || !isLarge || !response.headersSent || !this.isPlain) {
      if (content) this.#give(content.length)
      return this.#below.end.apply(response, args)
    }
    let at = 0
    for (; at + observedPiece < content.length; at += observedPiece) {
      this.#write(content.subarray(at, at + observedPiece))
    }
    this.#give(content.length - at)
    return this.#below.end.apply(response, formatContent(content.subarray(at), callback))
  }

  /** Writes pieces of a slice; calls back when they are out, or the response takes more. */
  send(pieces: readonly Uint8Array[], callback: Callback): void {
    const last = pieces.at(-1)
    if (!last) return callback()
    if (!this.isPlain) {
      // A patched `write` may drop callbacks, and keep the memory for longer than it says.
      const bytes = Buffer.concat(pieces)
      this.#writeToDrain([bytes], bytes.length, callback)
      return
    }
    for (const piece of pieces.slice(0, -1)) this.#write(piece)
    this.#write(last, callback)
  }

  /** Ends the response with pieces of a slice. */
  end(pieces: readonly Uint8Array[], callback?: Callback): void {
    const last = pieces.at(-1)
    for (const piece of pieces.slice(0, -1)) this.#write(piece)
    if (last) this.#give(last.length)
    this.#below.end.apply(this.response, formatContent(last, callback))
  }

  #write(piece: Uint8Array, callback?: Callback): unknown {
    this.#give(piece.length)
    return this.#transfer || callback
      ? this.#below.write.call(this.response, piece, this.#counting(piece.length, callback))
      : this.#below.write.call(this.response, piece)
  }

  #give(bytes: number): void {
    this.#transfer?.firstByte()
    this.#given += bytes
  }

  #counting(bytes: number, callback: Callback | undefined): Callback {
    return (error) => {
      // Node reports some of the writes that it cancels as done.
      if (!error && !isGone(this.response)) this.#count(bytes)
      callback?.(error)
    }
  }

  #count(bytes: number): void {
    const transfer = this.#transfer
    if (!transfer) return
    transfer.bytesSent = Math.min(transfer.bytesPlanned, transfer.bytesSent + bytes)
  }

  #writeToDrain(args: unknown[], bytes: number, callback?: Callback): unknown {
    this.#give(bytes)
    const flowing = this.#below.write.apply(this.response, args)
    if (flowing !== false) {
      this.#count(bytes)
      if (callback) process.nextTick(callback)
      return flowing
    }
    this.#waiting = { bytes, callback: callback ?? (() => {}) }
    // One listener for all of them: compression passes it on to a stream that never removes it.
    if (!this.#listens) this.response.on('drain', () => this.#wake())
    this.#listens = true
    return flowing
  }

  #wake(): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    this.#count(waiting.bytes)
    waiting.callback()
  }
}
