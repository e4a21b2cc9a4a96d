// A file stream that is piped into a response. It is held back before it reads anything; once it is
// open, the response is decided and delivered from its descriptor, as `sendRange` of that file would be.
// If it is not eligible after all, the stream flows as it would have.

import { errorMonitor } from 'node:events'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Source } from '@range-serve/core'
import {
  deliver,
  type FieldLookup,
  type Prepared,
  type RangeServeOptions,
} from '@range-serve/core/adapter'
import { HeldStream, isGone, parseContentLength, preparePassing } from '@range-serve/core/filter'
import { lookUp } from './arguments.ts'
import { endsResponse } from './ends-response.ts'
import { isLengthRemoved, isReason } from './head.ts'
import { destroyIfGone } from './sources.ts'

/** The state of the response that a file is piped into. */
export interface PipeTarget {
  readonly request: IncomingMessage
  readonly options: RangeServeOptions
  /** The response is range-aware of its own. */
  bypassed: boolean
}

export class PipedFile {
  readonly #target: PipeTarget
  readonly #response: ServerResponse
  readonly #held: HeldStream
  #isSending = false
  #transfer: Prepared['transfer'] | undefined

  private constructor(target: PipeTarget, response: ServerResponse, held: HeldStream) {
    this.#target = target
    this.#response = response
    this.#held = held
    void this.#decide()
  }

  /** Holds back what has just been piped into a response, if it is a file that nothing else reads. */
  static hold(
    target: PipeTarget,
    response: ServerResponse,
    source: unknown,
  ): PipedFile | undefined {
    if (target.bypassed || response.statusCode !== 200 || response.headersSent) return undefined
    const held = HeldStream.hold(source)
    return held && new PipedFile(target, response, held)
  }

  /** The file is not all that is sent, or not piped any more: it flows as it would. */
  release(): void {
    if (this.#isSending) return
    this.#held.release()
  }

  async #decide(): Promise<void> {
    const held = this.#held
    // The stream itself reports an error to its own listeners.
    const isBegun = () => this.#transfer?.firstByteMs !== undefined
    const source = await held
      .source(this.#target.options.reads, () => this.#leave(), isBegun)
      .catch(() => undefined)
    if (!held.isHeld) return
    const prepared = source && this.#prepare(source)
    if (prepared) {
      await this.#send(prepared)
      return
    }
    held.release()
    this.#leave()
  }

  /** The stream is the handler's again. */
  #leave(): void {
    this.#isSending = false
    destroyIfGone(this.#response, this.#held.stream)
  }

  #prepare(source: Source): Prepared | undefined {
    const { request, options, bypassed } = this.#target
    const response = this.#response
    const isBegun = response.headersSent || response.writableEnded || isGone(response)
    if (isBegun || bypassed || response.statusCode !== 200) return undefined
    if (!isReason(response.statusMessage)) return undefined
    const field = lookUp(response, undefined)
    if (field('content-encoding') !== undefined || !this.#isWhole(source, field)) return undefined
    const { length } = source
    // A handler that serves ranges also evaluates preconditions, and knows its own validators only.
    const hasOwnRanges = field('accept-ranges') !== undefined
    const content = hasOwnRanges ? { length } : source
    return preparePassing(request, response, source, options, { pooled: true, content })
  }

  /** Whether the stream is all of the content. */
  #isWhole(source: Source, field: FieldLookup): boolean {
    const declared = field('content-length')
    if (declared !== undefined) return parseContentLength(declared) === source.length
    return !isLengthRemoved(this.#response) && endsResponse(this.#held.stream)
  }

  async #send(prepared: Prepared): Promise<void> {
    const { plan, transfer } = prepared
    const response = this.#response
    const { statusMessage } = response
    const restore = () => {
      if (response.headersSent) return
      this.#target.bypassed = false
      response.statusMessage = statusMessage
    }
    this.#transfer = transfer
    this.#isSending = true
    this.#target.bypassed = true
    if (statusMessage && plan.status !== 200) response.statusMessage = STATUS_CODES[plan.status]!
    // Before the handler gets the error, and responds.
    this.#held.stream.once(errorMonitor, restore)
    await deliver(response, prepared, undefined).catch(restore)
  }
}
