// What is piped into a response.

import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { endEarly, isGone, mayEndEarly, whenOver } from '@range-serve/core/adapter'

/** A stream that is piped into a response: of any make. */
export type PipedSource = Readable

/** The 'data' listener that `pipe` has. */
const own = { data: 1 }

/** The sources that are piped into a response at the moment. */
export class PipedSources {
  readonly #response: ServerResponse
  #sources: readonly PipedSource[] = []
  /** What becomes of a source that comes or goes when all requested content has been written. */
  #state: 'sending' | 'ending' | 'ended' | 'reading' = 'sending'

  constructor(response: ServerResponse) {
    this.#response = response
  }

  add(source: PipedSource): void {
    this.#sources = [...this.#sources, source]
    if ((this.#state === 'ending' || this.#state === 'ended') && mayEndEarly(source, own)) {
      this.#endAfterResponse(source)
    }
  }

  remove(source: PipedSource): void {
    this.#sources = this.#sources.filter((each) => each !== source)
    if (this.#state === 'reading') readOn(source)
    else if (this.#state === 'sending') destroyIfGone(this.#response, source)
  }

  /** The only source, if it may be ended early. */
  get endable(): PipedSource | undefined {
    const [only] = this.#sources
    return this.#sources.length === 1 && mayEndEarly(only, own) ? only : undefined
  }

  /**
   * Ends a source once the response has finished: a guard that takes an upstream response for broken
   * would otherwise cut the client off.
   */
  endEarly(source: PipedSource): void {
    this.#state = 'ending'
    this.#endAfterResponse(source)
  }

  /** All requested content is written: sources are read to their end, and what they give is discarded. */
  readToEnd(): void {
    this.#state = 'reading'
  }

  /** The handler has ended the response: its sources are its own again. */
  release(): void {
    if (this.#state === 'reading') this.#state = 'ended'
  }

  #endAfterResponse(source: PipedSource): void {
    const response = this.#response
    const end = (sent: boolean) => {
      this.#state = 'ended'
      source.unpipe(response)
      if (!sent) source.destroy()
      else endAtOnce(source)
    }
    if (response.writableFinished || this.#state === 'ended')
      end(!isGone(response) || response.writableFinished)
    else whenOver(response, end)
  }
}

/** Ends a source before 'close' of the response, which a `pipeline` takes for a failure until then. */
function endAtOnce(source: PipedSource): void {
  endEarly(source)
  while (source.read() !== null);
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
 * nothing reads it. A 'close' listener may have a use for it first.
 */
export function destroyIfGone(response: ServerResponse, source: PipedSource): void {
  if (!isGone(response) || response.writableFinished) return
  setImmediate(() => {
    if (mayEndEarly(source, {}) && source.readableFlowing !== true) source.destroy()
  })
}
