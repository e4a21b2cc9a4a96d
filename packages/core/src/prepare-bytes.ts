// Opening, planning and content on any runtime: `prepare` without a file system.

import { Cancellation } from './delivery/cancellation.ts'
import { Pacer } from './delivery/pacer.ts'
import { maxPiece, type PreparedForWeb, type WebContent } from './delivery/web-response.ts'
import { invalidArgument } from './errors.ts'
import { closeUnsent, openBytes, openSettled } from './open-bytes.ts'
import { type SendOptions, validateOptions } from './options.ts'
import { refuse } from './refuse.ts'
import { readFirst } from './reopen.ts'
import { selectRepresentation } from './select.ts'
import { planResponse } from './semantics/plan.ts'
import type { RangeRequest } from './semantics/request.ts'
import { contentLength, type Segment } from './semantics/segments.ts'
import { hashAhead } from './sources/bytes-tag.ts'
import { readBody } from './sources/read-range.ts'
import { type DirectSource, hasDescriptor, isPromise, type Source } from './sources/source.ts'
import { OngoingTransfer } from './transfer.ts'

type Openable = Uint8Array | Blob | Source

/** What can be sent without a file system: bytes in memory, any {@link Source}, or a promise of one. */
export type ServableBytes = Openable | PromiseLike<Openable>

/** A web request by its target. */
export interface WebTarget extends RangeRequest {
  readonly url: string
}

/** How one source is sent, without what concerns files. */
export type BytesOptions = Omit<SendOptions, 'root' | 'dotfiles' | 'followSymlinks' | 'reads'>

/**
 * Opens the source, decides the response, and prepares its content.
 *
 * @param whenOver calls back when the client has disconnected; returns an unsubscribe function
 * @throws TypeError or RangeError with a `code`, by rejecting
 */
export async function prepareBytes(
  request: WebTarget,
  servable: ServableBytes,
  options: BytesOptions,
  whenOver: (callback: () => void) => () => void,
): Promise<PreparedForWeb> {
  let source: DirectSource | Promise<DirectSource> | undefined
  try {
    validateOptions(options, 'toResponse')
    source = open(servable)
  } catch (error) {
    closeUnsent(servable)
    throw error
  }
  const transfer = new OngoingTransfer(request, options.onTransfer)
  return decide(request, await source, options, transfer, whenOver)
}

async function decide(
  request: WebTarget,
  source: DirectSource,
  options: BytesOptions,
  transfer: OngoingTransfer,
  whenOver: (callback: () => void) => () => void,
  isReopened = false,
): Promise<PreparedForWeb> {
  let content: SourceContent | undefined
  let actual: DirectSource = source
  try {
    if (options.etag === true && source.bytes) await hashAhead(source.bytes)
    const { representation, planOptions } = selectRepresentation(source, options, {
      set: () => undefined,
    })
    const plan = planResponse(request, representation, planOptions)
    const pacer = options.pace && new Pacer(options.pace)
    content = new SourceContent(plan.body, source, pacer?.maxPiece ?? maxPiece)
    if (source.reopen && !isReopened && content.length > 0) {
      actual = await readFirst(source, content, options, { whenOver })
    }
    if (actual === source) {
      transfer.start(plan, source.length)
      return { plan, content, transfer, pacer }
    }
  } catch (error) {
    if (content) content.close('aborted')
    else closeUnsent(source)
    throw error
  }
  content.close('aborted')
  return decide(request, actual, options, transfer, whenOver, true)
}

function open(servable: ServableBytes): DirectSource | Promise<DirectSource> {
  const source = openBytes(servable)
  if (source) return source
  if (isPromise(servable)) return openSettled(servable, open)
  if (typeof servable === 'string' || servable instanceof URL || hasDescriptor(servable)) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      'Cannot serve a file: @range-serve/core/fetch knows no file system; import toResponse from @range-serve/core',
    )
  }
  throw refuse(servable)
}

/** A request with its target, as servers receive it, in the place of its URL. */
export function toTarget(request: Request): WebTarget {
  const { method, headers, url } = request
  const start = url.indexOf('/', url.indexOf('://') + 3)
  return { method, headers, url: start === -1 ? '/' : url.slice(start) }
}

/** The content of one response, read through the contract of `Source`. */
class SourceContent implements WebContent {
  readonly length: number
  readonly isPrompt: boolean
  readonly #source: DirectSource
  /** The most bytes of a piece. */
  readonly #max: number
  readonly #cancellation: Cancellation = new Cancellation()
  readonly #chunks: AsyncGenerator<Uint8Array>
  #first: Promise<IteratorResult<Uint8Array>> | undefined

  constructor(segments: readonly Segment[], source: DirectSource, max: number) {
    this.#max = max
    this.length = contentLength(segments)
    this.isPrompt = source.bytes !== undefined
    this.#source = source
    this.#chunks = readBody(segments, source, this.#cancellation.signal)
  }

  /** Reads the first chunk ahead; rejects if that fails, and so does `pieces` then. */
  async begin(): Promise<void> {
    this.#first ??= this.#chunks.next()
    await this.#first
  }

  async *pieces(): AsyncGenerator<Uint8Array, undefined> {
    const first = await this.#first
    if (first && !first.done) yield* this.#cut(first.value)
    for await (const chunk of this.#chunks) yield* this.#cut(chunk)
  }

  *#cut(chunk: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < chunk.length; at += this.#max) {
      yield new Uint8Array(chunk.subarray(at, at + this.#max))
    }
  }

  cancel(reason?: unknown): void {
    this.#cancellation.cancel(reason)
  }

  close(ending: 'sent' | 'aborted'): void {
    if (ending === 'aborted') this.cancel()
    void this.#chunks.return(undefined).catch(() => {})
    try {
      const closing = this.#source.close?.(ending === 'aborted')
      Promise.resolve(closing).catch(() => {})
    } catch {
      // A source that fails to close does not affect the response.
    }
  }
}
