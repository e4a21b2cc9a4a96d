// A body for a framework that may read it, but usually does not: the response is then delivered
// directly, from memory that the framework has not seen.

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { toError } from '../errors.ts'
import type { Transfer } from '../transfer.ts'
import { deliver, type Prepared } from './deliver.ts'
import { lend, type Lent } from './lend.ts'
import { isGone } from './outgoing.ts'

/** A lent body whose content can be delivered directly instead. */
export interface Deferred extends Lent {
  /** Created on first access, which usually never happens. */
  readonly body: Readable
  /**
   * Delivers the response, whose fields are set; returns `undefined` if the body has been read or
   * destroyed, so that the framework must send it. Rejects if the source fails before anything is
   * sent.
   */
  deliver(): Promise<void> | undefined
}

/** Defers the content of a prepared response until it is delivered, or something reads the body. */
export function defer(
  prepared: Prepared,
  context: { readonly signal?: AbortSignal | undefined; readonly response: ServerResponse },
): Deferred {
  const { content, transfer } = prepared
  const { response, signal } = context
  let state: 'deferred' | 'lent' | 'delivered' | 'withdrawn' = 'deferred'
  let settle!: (outcome: Promise<Transfer> | undefined) => void
  const outcome = new Promise<Transfer | undefined>((resolve) => {
    settle = resolve
  })
  let body: DeferredBody | undefined
  // The client may disconnect before the framework responds.
  if (isGone(response)) withdraw()
  else response.once('close', withdraw)
  return {
    get body() {
      return (body ??= new DeferredBody(read, withdraw))
    },
    finished: finish(),
    withdraw,
    deliver: begin,
  }

  function read(): Promise<Lent> {
    state = 'lent'
    response.off('close', withdraw)
    const lent = lend(prepared, context)
    settle(
      lent.then(
        ({ finished }) => finished,
        () => transfer,
      ),
    )
    return lent
  }

  function withdraw(): void {
    if (state === 'deferred') {
      state = 'withdrawn'
      settle(undefined)
    }
    body?.destroy()
  }

  function begin(): Promise<void> | undefined {
    if (state !== 'deferred' || response.headersSent || body?.isTouched === true) return undefined
    state = 'delivered'
    response.off('close', withdraw)
    const delivery = deliver(response, { ...prepared, isApplied: true }, signal)
    settle(delivery.catch(() => transfer))
    return delivery.then(() => {})
  }

  /** Runs in the asynchronous context of the call. */
  async function finish(): Promise<Transfer> {
    const told = await outcome
    if (told) return told
    void content.close('aborted')
    transfer.finish(true)
    return transfer
  }
}

/** A stream that requests its content when it is first read. */
class DeferredBody extends Readable {
  readonly #lend: () => Promise<Lent>
  readonly #onDestroy: () => void
  #body: Readable | undefined
  #begun = false

  constructor(begin: () => Promise<Lent>, onDestroy: () => void) {
    super({ highWaterMark: 0 })
    this.#lend = begin
    this.#onDestroy = onDestroy
  }

  /** Whether something reads it, has ended it, or waits for what it emits. */
  get isTouched(): boolean {
    return this.destroyed || this.readableFlowing !== null || this.#isWatched
  }

  /** The framework itself listens for the first error. */
  get #isWatched(): boolean {
    return this.listenerCount('error') > 1 || this.eventNames().some((name) => name !== 'error')
  }

  override _read(): void {
    if (this.#begun) {
      this.#body?.resume()
      return
    }
    this.#begun = true
    this.#lend().then(
      ({ body }) => this.#pass(body),
      (error: unknown) => this.destroy(toError(error)),
    )
  }

  #pass(body: Lent['body']): void {
    if (!(body instanceof Readable)) {
      if (body) this.push(body)
      this.push(null)
      return
    }
    this.#body = body
    if (this.destroyed) {
      body.destroy()
      return
    }
    body.on('data', (chunk: Uint8Array) => {
      if (!this.push(chunk)) body.pause()
    })
    body.on('end', () => this.push(null))
    body.on('error', (error) => this.destroy(error))
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#body?.destroy()
    this.#onDestroy()
    callback(error)
  }
}
