// A range of an upstream's content, exact to the byte, from as many responses as it takes.

import { type ByteRange, codeOf } from '@range-serve/core/sources'
import { pause, settled } from './deadline.ts'
import { mayRetry, upstreamError } from './errors.ts'
import type { Limits, RemoteMetadata } from './options.ts'
import { checkPart, finish, isPinned, type Part } from './part.ts'

/** What reads a range: see {@link readParts}. */
export interface Reading {
  /** Names the upstream in messages. */
  readonly name: string
  readonly metadata: RemoteMetadata
  /** Requests a range. */
  readonly open: (range: ByteRange, signal: AbortSignal) => Promise<Part>
  /** Whether each request is signed anew, so that one that is refused is worth a second. */
  readonly isSignedAnew: boolean
  readonly limits: Limits
}

/** The first pause before another attempt, in milliseconds; each further one is twice as long. */
const firstPauseMs = 50

/** Counts the attempts of one piece of work. */
export class Attempts {
  readonly #retries: number
  #used = 0

  constructor({ retries }: Limits) {
    this.#retries = retries
  }

  /** Waits until the work may be tried again; throws the error if it may not. */
  async afterError(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true || !mayRetry(error) || this.#used === this.#retries) throw error
    await pause(firstPauseMs * 2 ** this.#used, signal)
    this.#used++
  }
}

/**
 * Yields the bytes of a range. A response that breaks off, stalls or ends early is continued from
 * the next byte, by a response that is proven to be of the same version; otherwise throws. Whatever
 * ends the reading, the upstream's body is cancelled.
 */
export async function* readParts(
  reading: Reading,
  { firstPos, lastPos }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { name, metadata, limits } = reading
  const attempts = new Attempts(limits)
  let position = firstPos
  let wasRefused = false
  while (position <= lastPos) {
    let part: Part | undefined
    try {
      const opened = await reading.open({ firstPos: position, lastPos }, signal)
      part = opened
      const wrong = checkPart(name, opened, position, metadata)
      if (wrong) throw wrong
      while (position <= lastPos) {
        const chunk = await nextChunk(reading, opened, position, signal)
        const piece = chunk.subarray(0, lastPos + 1 - position)
        position += piece.length
        if (position > lastPos) {
          // Before the client has taken the last piece: a slow one must not keep the connection.
          part = undefined
          void finish(opened.reader)
        }
        if (piece.length > 0) yield piece
      }
    } catch (error) {
      part?.reader.cancel()
      if (codeOf(error) === 'ERR_UPSTREAM_FORBIDDEN' && reading.isSignedAnew && !wasRefused) {
        wasRefused = true
        continue
      }
      const isBegun = position > firstPos
      if (isBegun && (!isPinned(metadata) || metadata.acceptRanges === false)) throw error
      await attempts.afterError(error, signal)
    } finally {
      part?.reader.cancel()
    }
  }
}

/** The next chunk of a part, which must not end before the position is past its last. */
async function nextChunk(
  { name, limits }: Reading,
  { reader, lastPos }: Part,
  position: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let chunk: Uint8Array | undefined
  try {
    chunk = await settled(reader.next(), {
      ms: limits.idleTimeout,
      signal,
      late: () =>
        upstreamError('ERR_UPSTREAM_TIMEOUT', `${name} sent nothing for ${limits.idleTimeout} ms`),
    })
  } catch (error) {
    if (signal.aborted || codeOf(error) === 'ERR_UPSTREAM_TIMEOUT') throw error
    throw upstreamError('ERR_UPSTREAM_RESET', `${name} broke off before byte ${position}`)
  }
  // What one response holds beyond its own Content-Range is not to be trusted.
  if (chunk && position <= lastPos) return chunk.subarray(0, lastPos + 1 - position)
  throw upstreamError('ERR_UPSTREAM_RESET', `${name} ended before byte ${position}`)
}
