// What is piped into a response.

import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { endAtOnce, isGone, mayEndEarly } from '@range-serve/core/filter'

/** A stream of any class that is piped into a response. */
export type PipedSource = Readable

/** The 'data' listener that `pipe` has. */
const own = { data: 1 }

/** The sources that are piped into a response at the moment. */
export class PipedSources {
  readonly #response: ServerResponse
  #sources: readonly PipedSource[] = []
  /** What is done with a source: it is sent, ended, read to its end, or left alone. */
  #state: 'sending' | 'ending' | 'ended' | 'reading' | 'released' = 'sending'

  constructor(response: ServerResponse) {
    this.#response = response
  }

  add(source: PipedSource): void {
    this.#sources = [...this.#sources, source]
    if (this.#state === 'ended' && mayEndEarly(source, own)) this.#end(source, true)
  }

  remove(source: PipedSource): void {
    this.#sources = this.#sources.filter((each) => each !== source)
    if (this.#state === 'reading') readOn(source)
    else if (this.#state === 'sending') destroyIfGone(this.#response, source)
  }

  /** Whether there is one source, and it may be ended early. */
  get mayEnd(): boolean {
    return this.#sources.length === 1 && mayEndEarly(this.#sources[0], own)
  }

  /** The response has been ended with the last requested byte: its sources end once it is over. */
  endEarly(): void {
    this.#state = 'ending'
  }

  /** The response is over: a guard that takes an upstream for broken cannot cut the client off now. */
  settle(sent: boolean): void {
    if (this.#state !== 'ending') return
    this.#state = 'ended'
    for (const source of this.#sources) {
      if (mayEndEarly(source, own)) this.#end(source, sent)
    }
  }

  /** All requested content is written: sources are read to their end, and what they give is discarded. */
  readToEnd(): void {
    this.#state = 'reading'
  }

  /** The handler has ended the response: its sources are its own again. */
  release(): void {
    if (this.#state === 'reading') this.#state = 'released'
  }

  #end(source: PipedSource, sent: boolean): void {
    source.unpipe(this.#response)
    if (sent) endAtOnce(source)
    else source.destroy()
  }
}

/** Reads on what Node has paused as it unpiped it, unless it is read elsewhere. */
function readOn(source: Partial<PipedSource>): void {
  setImmediate(() => {
    if (!isRead(source)) source.resume?.()
  })
}

function isRead(source: Partial<PipedSource>): boolean {
  if (source.readableFlowing === true) return true
  const count = (name: string) => source.listenerCount?.(name) ?? 0
  return count('data') > 0 || count('readable') > 0
}

/**
 * Destroys a source that Node has unpiped from a response as the client left: it would stay open, since
 * nothing reads it. A 'close' listener may use it first.
 */
export function destroyIfGone(response: ServerResponse, source: PipedSource): void {
  if (!isGone(response) || response.writableFinished) return
  setImmediate(() => {
    if (mayEndEarly(source, {}) && source.readableFlowing !== true) source.destroy()
  })
}
