import { Writable } from 'node:stream'
import { type Cut, cutOff, DiscardPace, isGone, whenOver } from '@range-serve/core/filter'
import type { Callback } from './arguments.ts'
import { holdClose } from './hold-close.ts'
import type { Outlet } from './outlet.ts'
import type { PipedSources } from './sources.ts'

/**
 * Takes the content of a full response as it passes by, and sends what is requested of it.
 *
 * With the last requested byte the response ends if what is piped into it may be ended early. Otherwise
 * the client gets all of its bytes, and the rest is read and discarded until the handler ends the
 * response: an earlier end would be a failure to a `pipeline` or a web stream.
 */
export class CutStream extends Writable {
  readonly #cut: Cut
  readonly #outlet: Outlet
  readonly #sources: PipedSources
  readonly #pace = new DiscardPace()
  #isComplete = false
  #hasEnded = false
  /** The callback of the write that ended the response early, until the response is over. */
  #ending: Callback | undefined
  /** The last bytes, if a patched `end` must get them together with the end. */
  #held: readonly Uint8Array[] = []
  #isOver = false
  /** Emits a 'close' that is held back. */
  #release: (() => void) | undefined
  #endCallback: Callback | undefined
  /** The callback of the write under way. */
  #writing: Callback | undefined

  constructor(cut: Cut, outlet: Outlet, sources: PipedSources) {
    const { response } = outlet
    super({ highWaterMark: response.writableHighWaterMark || 16_384, emitClose: false })
    this.#cut = cut
    this.#outlet = outlet
    this.#sources = sources
    // Errors go to the callbacks of writes, and the response itself emits them.
    this.on('error', () => {})
    this.on('drain', () => response.emit('drain'))
    whenOver(response, (sent) => this.#settle(sent))
  }

  /** Whether the response was ended with the last requested byte, before its handler ended it. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** `response.write(chunk, encoding, callback)` */
  accept(chunk: unknown, encoding: BufferEncoding | undefined, callback?: Callback): boolean {
    const flowing = this.write(chunk, encoding!, callback)
    return flowing && !this.#ending
  }

  /** Ends the response after the last of the content, at once unless some of it still waits. */
  finish(content: Uint8Array | undefined, callback: Callback | undefined): void {
    this.#endCallback = callback
    if (this.writableLength === 0) {
      this.#finishWith(content && !this.#isComplete ? this.#cut.push(content) : [])
    } else {
      this.end(content)
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: Callback): void {
    const callback: Callback = (error) => {
      if (this.#writing !== callback) return
      this.#writing = undefined
      done(error)
    }
    this.#writing = callback
    if (this.#isComplete) return this.#discard(chunk, callback)
    const pieces = this.#cut.push(chunk)
    if (this.#cut.done) this.#complete(pieces, callback)
    else if (pieces.length === 0) this.#discard(chunk, callback)
    else this.#outlet.send(pieces, callback)
  }

  override _final(callback: Callback): void {
    this.#finishWith([])
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    callback(error)
    // What nothing will read any more may never be reported out.
    this.#writing?.(error ?? destroyed())
  }

  #discard(chunk: Uint8Array, callback: Callback): void {
    if (this.#pace.count(chunk.length)) setImmediate(callback)
    else callback()
  }

  /** Sends the last requested bytes. */
  #complete(pieces: readonly Uint8Array[], callback: Callback): void {
    const { response, isPlain } = this.#outlet
    this.#isComplete = true
    if (this.#sources.mayEnd) {
      this.#hasEnded = true
      this.#sources.endEarly()
      this.#ending = callback
      this.#outlet.end(pieces)
      return
    }
    this.#sources.readToEnd()
    if (!isPlain) {
      this.#held = pieces.length > 0 ? [Buffer.concat(pieces)] : []
      return callback()
    }
    if (pieces.length === 0) response.flushHeaders()
    this.#outlet.send(pieces, (error) => {
      if (!error && !isGone(response)) {
        this.#outlet.isOut = true
        this.#release = holdClose(response)
      }
      callback(error)
    })
  }

  /** The response is over: what is still written is discarded, unless the client has left too early. */
  #settle(sent: boolean): void {
    this.#isOver = true
    const ending = this.#ending
    this.#ending = undefined
    this.#sources.settle(sent)
    if (!this.#isComplete || this.#held.length > 0 || (ending && !sent)) {
      this.destroy()
    } else if (ending) {
      ending()
      process.nextTick(() => this.#outlet.response.emit('drain'))
    }
  }

  #finishWith(pieces: readonly Uint8Array[]): void {
    const { response } = this.#outlet
    this.#sources.release()
    // The handler promised more than it wrote.
    if (!this.#cut.done) cutOff(response)
    else this.#outlet.end([...this.#held, ...pieces], this.#endCallback)
    this.#held = []
    if (this.#release) setImmediate(() => this.#close())
  }

  /** The handler has ended a response whose client had all that it requested. */
  #close(): void {
    const { response } = this.#outlet
    // Node, from 24 on, emits none once the connection was reset.
    if (!this.#isOver && isGone(response)) response.emit('finish')
    this.#release!()
  }
}

/** What Node calls back a write with whose response was destroyed. */
function destroyed(): Error {
  const message = 'Cannot call write after a stream was destroyed'
  return Object.assign(new Error(message), { code: 'ERR_STREAM_DESTROYED' })
}
