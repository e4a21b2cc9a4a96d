import { type SourceError, toError } from './errors.ts'
import { builtin } from './runtime.ts'
import { contentLength, isRange, type Segment } from './semantics/segments.ts'
import type { ByteRange } from './semantics/range.ts'

/** The outcome of one response. Times are in milliseconds, sizes in bytes of content. */
export interface Transfer {
  readonly method: string
  /** The request target as the client sent it. */
  readonly url: string
  readonly status: number
  /**
   * The ranges that are sent: all bytes for a 200, several ranges for a multipart, none without
   * content.
   */
  readonly ranges: readonly ByteRange[]
  /** The complete length of the representation. */
  readonly completeLength: number
  /**
   * The length of the content, the heads of parts included. `Infinity` while a response follows a
   * representation that is growing.
   */
  readonly bytesPlanned: number
  /** How many of those were handed to the network; grows while the response is sent. */
  readonly bytesSent: number
  /** Whether it ended early: the client disconnected, or the source failed. */
  readonly aborted: boolean
  /** From the call that responds to the end of the response. */
  readonly durationMs: number
  /** From the call until the first content was ready to be sent. */
  readonly firstByteMs: number | undefined
  /** The error that ended the response, unless the client disconnected. */
  readonly error: Error | undefined
}

/** A channel of `diagnostics_channel`; a runtime without it has no subscribers. */
function channel(name: string): {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
} {
  const own = builtin('node:diagnostics_channel')?.channel(name)
  return own ?? { hasSubscribers: false, publish() {} }
}

/** Where the {@link Transfer} of a response is published when it begins; watch `bytesSent` grow. */
const transferStartChannel = channel('range-serve:transfer:start')
/** Where the same {@link Transfer} is published when the response has finished or was aborted. */
const transferChannel = channel('range-serve:transfer')

/** Whether anything listens for transfers. */
export function isObserved(options: { onTransfer?: unknown }): boolean {
  return (
    options.onTransfer !== undefined ||
    transferChannel.hasSubscribers ||
    transferStartChannel.hasSubscribers
  )
}

/** A {@link Transfer} in progress: `start`, `firstByte`, `bytesSent` as bytes go out, `finish` once. */
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

  /** The transfer of a response of which nothing was sent, since `reason` was thrown. */
  static failed(
    request: ConstructorParameters<typeof OngoingTransfer>[0],
    reason: unknown,
  ): OngoingTransfer & { readonly error: Error } {
    const error = toError(reason)
    const { status = 500 } = error as Partial<SourceError>
    return Object.assign(new OngoingTransfer(request, undefined), { status, error, aborted: true })
  }

  /** Records the decision. */
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

  /** Records that the first content is ready. */
  firstByte(): void {
    this.firstByteMs ??= performance.now() - this.#startedAt
  }

  /** Content whose length was not known has it now. */
  #end(): void {
    this.bytesPlanned = this.bytesSent
    const { firstPos } = this.ranges[0]!
    this.ranges = this.bytesSent > 0 ? [{ firstPos, lastPos: firstPos + this.bytesSent - 1 }] : []
    this.completeLength = Math.max(this.completeLength, firstPos + this.bytesSent)
  }

  /** Reports the end of the response. */
  finish(aborted: boolean): void {
    this.aborted = aborted
    this.durationMs = performance.now() - this.#startedAt
    if (this.bytesPlanned === Infinity) this.#end()
    else if (!aborted) this.bytesSent = this.bytesPlanned
    if (transferChannel.hasSubscribers) transferChannel.publish(this)
    try {
      this.#onTransfer?.(this)
    } catch (error) {
      // As with diagnostics_channel: an error of a listener concerns the process, not the response.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
