// A prepared response → a `Response` of fetch. Nothing here needs Node.
//
// Its body is pulled as a ContentStream is, but each checks other things between its awaits: a loop for
// both would need a hook at every step, and one more promise for each piece.

import { toError } from '../errors.ts'
import { builtin } from '../runtime.ts'
import type { ResponseFields } from '../semantics/fields.ts'
import type { ResponsePlan } from '../semantics/plan.ts'
import { nextTurn } from '../sources/early-end.ts'
import type { OngoingTransfer } from '../transfer.ts'
import { whenAborted } from './cancellation.ts'
import type { Pacer } from './pacer.ts'

/** Content up to this many bytes is read before the response is returned; no piece is larger. */
export const maxPiece: number = 64 * 1024

type ResponseBody = ConstructorParameters<typeof Response>[0]

/** Content for a `Response`. */
export interface WebContent {
  readonly length: number
  /** Whether reading a small one cannot hang, so that nothing has to be able to end it. */
  readonly isPrompt: boolean
  /** Reads it, each piece in memory of its own; called once. Throws if the source runs short. */
  pieces(): AsyncGenerator<Uint8Array, undefined>
  /** Aborts the read in flight, which then rejects if it can be aborted. */
  cancel(reason?: unknown): void
  /** Closes the source. */
  close(ending: 'sent' | 'aborted'): unknown
}

/** A decided response and its open content. */
export interface PreparedForWeb {
  readonly plan: ResponsePlan
  readonly content: WebContent
  readonly transfer: OngoingTransfer
  /** Limits how fast it is sent. */
  readonly pacer?: Pacer | undefined
}

/**
 * Makes the `Response` of a prepared response. Its first bytes have been read, so that an early
 * failure of the source can still be reported; a later one makes its stream fail.
 *
 * @param request its signal aborts when the client has disconnected, which is not an error
 * @param signal ends the response when it aborts
 * @throws the error of the source, or the reason of `signal`, by rejecting
 */
export async function toWebResponse(
  prepared: PreparedForWeb,
  request: { readonly signal?: AbortSignal },
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { plan, content, pacer } = prepared
  const init = { status: plan.status, headers: toInit(plan.headers) }
  const body = new Body(prepared)
  body.endWith(signal, true)
  const isSmall = content.length <= (pacer?.maxPiece ?? maxPiece)
  // Some servers make the signal only if it is read, at a price.
  if (!isSmall || !content.isPrompt) body.endWith(request.signal, false)
  const bytes = await body.begin(isSmall)
  return new Response(bytes === undefined ? body.toStream() : (bytes as ResponseBody), init)
}

/** Several field lines of one name cannot be given as an object. */
function toInit(headers: ResponseFields): [string, string][] | Record<string, string> {
  if (hasNoList(headers)) return headers
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((line): [string, string] => [name, line]),
  )
}

function hasNoList(headers: ResponseFields): headers is Record<string, string> {
  return Object.values(headers).every((value) => typeof value === 'string')
}

/** The body of one response. A piece is read when it is requested. */
class Body {
  readonly #content: WebContent
  readonly #transfer: OngoingTransfer
  readonly #pacer: Pacer | undefined
  /** Resolves when the next piece may be passed on, if that is not yet. */
  #pause: Promise<void> | undefined
  readonly #pieces: AsyncGenerator<Uint8Array, undefined>
  /** Unsubscribe functions. */
  readonly #watches: (() => void)[] = []
  /** The stream may be read from any context; the source is read in the context of its request. */
  readonly #inContext: <T>(call: () => T) => T
  #missing: number
  /** The first piece, until it is passed on. */
  #first: Uint8Array | undefined
  /** The length of the piece that was passed on last: it has left once the next is requested. */
  #leaving = 0
  #isOver = false
  #failure: { readonly reason: unknown } | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor({ content, transfer, pacer }: PreparedForWeb) {
    this.#pacer = pacer
    this.#content = content
    this.#transfer = transfer
    this.#missing = content.length
    this.#pieces = content.pieces()
    const storage = builtin('node:async_hooks')?.AsyncLocalStorage
    this.#inContext = storage ? storage.snapshot() : (call) => call()
  }

  /** Makes the body fail when a signal aborts. */
  endWith(signal: AbortSignal | undefined, isError: boolean): void {
    if (!signal) return
    const abort = () => {
      if (this.#isOver) return
      this.#inContext(() => this.#fail(signal.reason, isError))
      void this.#report(signal.reason)
    }
    if (signal.aborted) abort()
    else this.#watches.push(whenAborted(signal, abort))
  }

  /**
   * Reads a small body, and resolves to it (`null` if it is empty), or the first piece of a larger
   * one. Does not reject once the client has disconnected.
   */
  async begin(isSmall: boolean): Promise<Uint8Array | null | undefined> {
    let bytes: Uint8Array | null | undefined
    try {
      if (isSmall) bytes = await this.#readAll()
      // What exists in the future may be long in coming.
      else if (!this.#isOver && this.#missing < Infinity) this.#first = await this.#read()
    } catch (error) {
      if (!this.#isOver) this.#fail(error, true)
    }
    if (this.#transfer.error) throw this.#transfer.error
    return bytes
  }

  toStream(): ReadableStream<Uint8Array> {
    return new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: (controller) => this.#inContext(() => this.#give(controller)),
        cancel: () => {
          if (!this.#isOver) this.#inContext(() => this.#fail(undefined, false))
        },
      },
      { highWaterMark: 0 },
    )
  }

  async #give(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#failure) return this.#report(this.#failure.reason)
    this.#transfer.bytesSent += this.#leaving
    this.#leaving = 0
    if (this.#missing === 0) {
      controller.close()
      return this.#end()
    }
    try {
      if (this.#pause) await this.#pause
      const piece = this.#first ?? (await this.#read())
      this.#first = undefined
      if (this.#isOver) return
      if (!piece) {
        // The end of content whose length was not known.
        this.#missing = 0
        return this.#give(controller)
      }
      this.#pause = this.#pacer?.pass(piece.length)
      this.#missing -= piece.length
      this.#leaving = piece.length
      controller.enqueue(piece)
    } catch (error) {
      if (this.#isOver) return
      this.#fail(error, true)
      throw error
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { value } = await this.#pieces.next()
    this.#transfer.firstByte()
    return value
  }

  async #readAll(): Promise<Uint8Array | null | undefined> {
    const { length } = this.#content
    let bytes: Uint8Array | null = null
    for (let filled = 0; filled < length && !this.#isOver;) {
      const piece = (await this.#read())!
      if (piece.length === length) bytes = piece
      else (bytes ??= new Uint8Array(length)).set(piece, filled)
      filled += piece.length
    }
    if (this.#isOver) return undefined
    this.#transfer.firstByte()
    this.#end()
    return bytes
  }

  /** All of it was read. */
  #end(): void {
    this.#close('sent')
    this.#transfer.finish(false)
  }

  #fail(reason: unknown, isError: boolean): void {
    this.#failure = { reason }
    if (isError) this.#transfer.error = toError(reason)
    this.#content.cancel(isError ? reason : undefined)
    this.#close('aborted')
    this.#transfer.finish(true)
  }

  /**
   * Makes the stream fail, in the next turn: a server that cancels it in this one, as the client has
   * disconnected, has no error to log.
   */
  async #report(reason: unknown): Promise<void> {
    await nextTurn()
    this.#controller?.error(reason)
  }

  #close(ending: 'sent' | 'aborted'): void {
    this.#isOver = true
    for (const forget of this.#watches) forget()
    void this.#content.close(ending)
  }
}
