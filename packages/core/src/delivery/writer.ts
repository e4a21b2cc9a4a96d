import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { OngoingTransfer } from '../transfer.ts'
import { whenAborted } from './cancellation.ts'
import { isNodesSocket, isUnpatched, provenSocket } from './memory.ts'
import { isSmall, toLatin1 } from './one-write.ts'
import type { Pacer } from './pacer.ts'
import { isGone, whenOver } from './outgoing.ts'

/**
 * Writes content to a response piece by piece, each when the previous one is out, until it is over.
 */
export class Writer {
  readonly #response: ServerResponse
  readonly #transfer: OngoingTransfer
  /** Whether the memory of what was written so far may be reused. */
  #reusable = true
  /** The connection that everything was written to, while that is so. */
  #socket: Socket | undefined
  #sent: boolean | undefined
  /** Ends the wait for a read or write that the end of the response has made pointless. */
  #wake: ((value?: undefined) => void) | undefined
  #drains = false
  readonly #pacer: Pacer | undefined
  readonly #onOver: (sent: boolean) => void
  #resolve!: (sent: boolean) => void
  #unsubscribe: (() => void) | undefined
  #unwatch: (() => void) | undefined
  /** Resolves when the response is over, to whether everything was handed to the network. */
  readonly over: Promise<boolean>

  /**
   * @param onOver called in the turn in which the response ends, with whether it was sent
   * @param signal ends the response
   * @param pacer limits how fast pieces follow each other
   */
  constructor(
    response: ServerResponse,
    transfer: OngoingTransfer,
    onOver: (sent: boolean) => void,
    signal: AbortSignal | undefined,
    pacer: Pacer | undefined,
  ) {
    this.#response = response
    this.#transfer = transfer
    this.#onOver = onOver
    this.#pacer = pacer
    this.over = new Promise((resolve, reject) => {
      this.#resolve = resolve
      if (signal) this.#watch(signal, reject)
      if (this.isOver) return
      if (isGone(response)) this.#end(false)
      else this.#unsubscribe = whenOver(response, (sent) => this.#end(sent))
    })
    // It is awaited at the end, if at all: what is sent may fail first, or wait for its turn.
    if (signal) this.over.catch(noop)
  }

  #watch(signal: AbortSignal, reject: (reason: unknown) => void): void {
    const abort = () => {
      this.#sent = false
      this.stop()
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    else this.#unwatch = whenAborted(signal, abort)
  }

  #end(sent: boolean): void {
    this.#sent = sent
    this.stop()
    this.#onOver(sent)
    this.#resolve(sent)
  }

  /** Whether nothing more can be written. */
  get isOver(): boolean {
    return this.#sent !== undefined
  }

  /**
   * Whether nothing but Node's own code and the kernel has read what was written: the connection may
   * have been patched while some of it still waited.
   */
  get reusable(): boolean {
    return this.#socket !== undefined && isNodesSocket(this.#socket)
  }

  /**
   * Whether something else may have read the last piece, in memory that is reused: the connection was
   * patched while that piece waited.
   */
  get isKept(): boolean {
    return this.#socket !== undefined && !isNodesSocket(this.#socket)
  }

  /** Settles as a read does, or resolves to `undefined` as soon as the response is over. */
  until<T>(reading: Promise<T>): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => {
      // Not an arrow function of its own: V8 would keep each of them, and what it can reach, until it
      // collects the old generation.
      this.#wake = resolve
      reading.then(resolve, reject)
    })
  }

  /**
   * Resolves when the next piece may be written, or the response is over.
   *
   * @param reused whether the memory of the piece will be filled again: it is copied if the
   *   response may keep it
   */
  write(piece: Uint8Array, reused: boolean): Promise<void> {
    const pause = this.#pacer?.pass(piece.length)
    const bytes = this.#own(piece, reused)
    const writing = isUnpatched(this.#response) ? this.#writeOut(bytes) : this.#writeToDrain(bytes)
    return pause ? writing.then(() => (this.isOver ? undefined : this.until(pause))) : writing
  }

  /** Writes the last piece. */
  end(piece: Uint8Array, reused: boolean): void {
    const bytes = this.#own(piece, reused)
    if (this.#socket && isSmall(bytes)) this.#response.end(toLatin1(bytes), 'latin1')
    else this.#response.end(bytes)
  }

  /** Stops waiting. */
  stop(): void {
    this.#unsubscribe?.()
    this.#unwatch?.()
    this.#wake?.()
  }

  #own(piece: Uint8Array, reused: boolean): Uint8Array {
    if (this.#reusable) this.#socket = provenSocket(this.#response)
    this.#reusable = this.#socket !== undefined
    return reused && !this.#reusable ? Buffer.from(piece) : piece
  }

  #writeOut(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#response.write(piece, (error) => {
        if (error) return
        this.#transfer.bytesSent += piece.length
        resolve()
      })
    })
  }

  /** A patched `write` may drop the callback, as that of `compression` does: waits for 'drain'. */
  #writeToDrain(piece: Uint8Array): Promise<void> {
    const response = this.#response
    return new Promise((resolve) => {
      const next = () => {
        this.#transfer.bytesSent += piece.length
        resolve()
      }
      const flowing: unknown = response.write(piece)
      if (flowing !== false) return next()
      // One shared listener: compression passes listeners on to a stream that never removes them.
      this.#wake = () => (this.isOver ? resolve() : next())
      if (!this.#drains) response.on('drain', () => this.#wake?.())
      this.#drains = true
    })
  }
}

function noop(): void {}
