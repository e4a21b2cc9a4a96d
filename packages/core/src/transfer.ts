import { type Channel, channel } from 'node:diagnostics_channel'
import { contentLength, isRange, type Segment } from './semantics/segments.ts'
import type { ByteRange } from './semantics/range.ts'

/** What became of one response. Times are in milliseconds, sizes in bytes of content. */
export interface Transfer {
  readonly method: string
  /** The request target as the client sent it. */
  readonly url: string
  readonly status: number
  /** What the response sends: all of it for a 200, several for a multipart, none without content. */
  readonly ranges: readonly ByteRange[]
  /** The length of the whole representation. */
  readonly completeLength: number
  /** The length of the content, the heads of parts included. */
  readonly bytesPlanned: number
  /** How many of those were handed to the network; grows while the response is sent. */
  readonly bytesSent: number
  /** Whether it ended early: the client left, or the source failed. */
  readonly aborted: boolean
  /** From the call that responds to the end of the response. */
  readonly durationMs: number
  /** Until the first of the content was there to be sent. */
  readonly firstByteMs: number | undefined
  /** What went wrong, unless the client has left. */
  readonly error: Error | undefined
}

/** Where the {@link Transfer} of a response is published when it begins; watch `bytesSent` grow. */
const transferStartChannel: Channel = channel('range-serve:transfer:start')
/** Where the same {@link Transfer} is published when the response has finished or was aborted. */
const transferChannel: Channel = channel('range-serve:transfer')

/** Whether anything listens for transfers. */
export function isObserved(options: { onTransfer?: unknown }): boolean {
  return (
    options.onTransfer !== undefined ||
    transferChannel.hasSubscribers ||
    transferStartChannel.hasSubscribers
  )
}

/** A {@link Transfer} while it lasts. */
export class OngoingTransfer implements Transfer {
  readonly method: string
  readonly url: string
  status = 0
  ranges: readonly ByteRange[] = []
  completeLength = 0
  bytesPlanned = 0
  bytesSent = 0
  aborted = false
  durationMs = 0
  firstByteMs: number | undefined
  error: Error | undefined
  readonly #startedAt = performance.now()
  readonly #onTransfer: ((transfer: Transfer) => void) | undefined

  constructor(
    request: { method?: string | undefined; url?: string | undefined; originalUrl?: string },
    onTransfer: ((transfer: Transfer) => void) | undefined,
  ) {
    this.method = request.method ?? 'GET'
    this.url = request.originalUrl ?? request.url ?? ''
    this.#onTransfer = onTransfer
  }

  /** Notes what was decided. */
  start(
    plan: { readonly status: number; readonly body: readonly Segment[] },
    completeLength: number,
  ): void {
    this.status = plan.status
    this.ranges = plan.body.filter(isRange)
    this.bytesPlanned = contentLength(plan.body)
    this.completeLength = completeLength
    if (transferStartChannel.hasSubscribers) transferStartChannel.publish(this)
  }

  /** Notes that the first of the content is there. */
  firstByte(): void {
    this.firstByteMs ??= performance.now() - this.#startedAt
  }

  /** Tells of the end of the response. */
  finish(aborted: boolean): void {
    this.aborted = aborted
    this.durationMs = performance.now() - this.#startedAt
    if (!aborted) this.bytesSent = this.bytesPlanned
    if (transferChannel.hasSubscribers) transferChannel.publish(this)
    try {
      this.#onTransfer?.(this)
    } catch (error) {
      // As with diagnostics_channel: a listener's error is the process's, not the response's.
      process.nextTick(() => {
        throw error
      })
    }
  }
}
