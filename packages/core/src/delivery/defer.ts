// A body for a framework that may read it, but usually does not: the response is then delivered
// directly, from memory that the framework has not seen.

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { toError } from '../errors.ts'
import type { Transfer } from '../transfer.ts'
import { deliver, type Prepared } from './deliver.ts'
import { lend, type Lent } from './lend.ts'
import { isGone } from './outgoing.ts'

interface Destination {
  readonly signal?: AbortSignal | undefined
  readonly response: ServerResponse
}

/**
 * Defers the content of a prepared response until it is delivered, or something reads the body.
 *
 * The body is a stream, created on first access, which usually never happens. An error of the source
 * is then one of the stream.
 *
 * @param destination the `response`, which must be unpatched, and a `signal` that ends it
 */
export function defer(prepared: Prepared, destination: Destination): Lent {
  return new DeferredContent(prepared, destination)
}

// A class: an object with a getter of its own, made for each response, has V8 make a map for each,
// which keeps the response until the old generation is collected.
class DeferredContent implements Lent {
  readonly finished: Promise<Transfer>
  readonly #prepared: Prepared
  readonly #destination: Destination
  #state: 'deferred' | 'lent' | 'delivered' | 'withdrawn' = 'deferred'
  #settle!: (outcome: Promise<Transfer> | undefined) => void
  #body: DeferredBody | undefined
  readonly #onClose = () => this.withdraw()

  constructor(prepared: Prepared, destination: Destination) {
    this.#prepared = prepared
    this.#destination = destination
    const outcome = new Promise<Transfer | undefined>((resolve) => {
      this.#settle = resolve
    })
    this.finished = this.#finish(outcome)
    // The client may disconnect before the framework responds.
    if (isGone(destination.response)) this.withdraw()
    else destination.response.once('close', this.#onClose)
  }

  get body(): Readable {
    return (this.#body ??= new DeferredBody(
      () => this.#read(),
      () => this.withdraw(),
    ))
  }

  #read(): Promise<Lent> {
    const { transfer } = this.#prepared
    this.#leave('lent')
    const lent = lend(this.#prepared, this.#destination)
    this.#settle(
      lent.then(
        ({ finished }) => finished,
        () => transfer,
      ),
    )
    return lent
  }

  withdraw(): void {
    if (this.#state === 'deferred') {
      this.#leave('withdrawn')
      this.#settle(undefined)
    }
    this.#body?.destroy()
  }

  deliver(): Promise<void> | undefined {
    const { response, signal } = this.#destination
    if (this.#state !== 'deferred' || response.headersSent) return undefined
    if (this.#body?.isTouched === true) return undefined
    const { transfer } = this.#prepared
    this.#leave('delivered')
    const delivery = deliver(response, { ...this.#prepared, isApplied: true }, signal)
    this.#settle(delivery.catch(() => transfer))
    return delivery.then(noop)
  }

  #leave(state: 'lent' | 'delivered' | 'withdrawn'): void {
    this.#state = state
    this.#destination.response.off('close', this.#onClose)
  }

  /** Runs in the asynchronous context of the call. */
  async #finish(outcome: Promise<Transfer | undefined>): Promise<Transfer> {
    const told = await outcome
    if (told) return told
    const { content, transfer } = this.#prepared
    void content.close('aborted')
    transfer.finish(true)
    return transfer
  }
}

function noop(): void {}

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
