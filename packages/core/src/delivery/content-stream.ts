import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import { toError } from '../errors.ts'
import type { OngoingTransfer } from '../transfer.ts'
import type { Content } from './content.ts'
import type { Prepared } from './deliver.ts'
import { type NodeResponse, whenInTurn } from './outgoing.ts'
import type { Pacer } from './pacer.ts'

/** Content as a stream that holds one piece at a time, each in its own memory. */
export class ContentStream extends Readable {
  readonly #content: Content
  readonly #transfer: OngoingTransfer
  readonly #pacer: Pacer | undefined
  readonly #response: NodeResponse | undefined
  /** Resolves when the next piece may be passed on, if that is not yet. */
  #pause: Promise<void> | undefined
  #missing: number
  /** The first piece, until it is passed on. */
  #first: Uint8Array | undefined
  /** The length of the piece that was passed on last: it is consumed once the next is requested. */
  #leaving = 0
  /** The stream may be read from any context; the source is read in the context of its request. */
  readonly #inContext: ReturnType<typeof AsyncLocalStorage.snapshot> = AsyncLocalStorage.snapshot()
  #onConsumed!: (isRead: boolean) => void
  /** Resolves to whether all of it was read, or to `false` once it is destroyed. */
  readonly consumed: Promise<boolean>

  constructor({ content, transfer, pacer }: Prepared, response: NodeResponse | undefined) {
    super({ highWaterMark: 0 })
    this.#content = content
    this.#transfer = transfer
    this.#pacer = pacer
    this.#response = response
    this.#missing = content.length
    this.consumed = new Promise((resolve) => {
      this.#onConsumed = resolve
    })
  }

  /** Reports the end, once the content is closed. */
  end(): void {
    if (!this.destroyed) this.push(null)
  }

  /** Reads the first bytes, so that an error can still be reported. */
  async begin(): Promise<void> {
    this.#first = await this.#content.next()
    this.#transfer.firstByte()
  }

  override _read(): void {
    this.#inContext(() => this.#give()).catch((error: unknown) => this.destroy(toError(error)))
  }

  async #give(): Promise<void> {
    this.#transfer.bytesSent += this.#leaving
    this.#leaving = 0
    if (this.#missing === 0) return this.#onConsumed(true)
    if (this.#pause) await this.#pause
    if (this.destroyed) return
    const turn = this.#response && whenInTurn(this.#response)
    if (turn) await turn
    const piece = this.#first ?? (await this.#content.next())
    this.#first = undefined
    if (this.destroyed) return
    if (!piece) {
      // The end of content whose length was not known.
      this.#missing = 0
      return this.#onConsumed(true)
    }
    this.#transfer.firstByte()
    this.#missing -= piece.length
    this.#leaving = piece.length
    this.#pause = this.#pacer?.pass(piece.length)
    this.push(this.#content.reuses ? Buffer.from(piece) : piece)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error && this.#missing > 0) this.#transfer.error ??= error
    if (this.#missing > 0) this.#content.cancel(error ?? undefined)
    this.#onConsumed(false)
    callback(error)
  }
}
