// A plan and its bytes → a node:http or http2 response, the fast way.

import type { ServerResponse } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'
import { isBytes, type Segment } from '../semantics/byteranges.ts'
import { isPlanned, isWithheld, type ResponseFields } from '../semantics/fields.ts'
import { byteLength } from '../semantics/range.ts'
import type { OngoingTransfer } from '../telemetry.ts'
import { readBody, tooShort } from './body.ts'
import { type BufferPool, largeBuffers, largeSize, smallBuffers, smallSize } from './pool.ts'
import type { DirectSource, Source } from './source.ts'

/** How much of bytes in memory is handed over at once, so that one answer cannot fill a whole turn. */
const memorySize = 1024 * 1024

/** What of a response delivery needs; both of Node's have it. */
export type NodeResponse = ServerResponse | Http2ServerResponse

interface Answer {
  readonly status: number
  readonly headers: ResponseFields
  readonly body: readonly Segment[]
}

/**
 * Sends an answer and settles when it is over: resolved when it was sent or the client left,
 * rejected when the source failed before anything was sent, so that another answer can be.
 *
 * A source that fails later, or runs short, destroys the connection (HTTP/2: the stream).
 */
export function deliver(
  response: NodeResponse,
  answer: Answer,
  source: Source,
  transfer: OngoingTransfer,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Delivery(response, answer, source, transfer, signal, resolve, reject).start()
  })
}

class Delivery {
  readonly #response: ServerResponse
  readonly #answer: Answer
  readonly #source: DirectSource
  readonly #transfer: OngoingTransfer
  readonly #signal: AbortSignal | undefined
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void

  /** The segment that is being sent, and how far into it. */
  #index = 0
  #offset = 0
  #pool: BufferPool | undefined
  #buffer: Buffer | undefined
  /** A read has the buffer: it and the source can only be released when it comes back. */
  #reading = false
  #over = false
  #aborter: AbortController | undefined
  /** The head of the first part, until there is content to follow it. */
  #held: Uint8Array | undefined
  /** Ends the wait for a write that will not come back. */
  #wake: (() => void) | undefined

  constructor(
    response: NodeResponse,
    answer: Answer,
    source: Source,
    transfer: OngoingTransfer,
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    // Both take the same calls; only their types differ.
    this.#response = response as ServerResponse
    this.#answer = answer
    this.#source = source
    this.#transfer = transfer
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const response = this.#response
    if (isGone(response)) return this.#end(true)
    response.once('close', this.#onClose)
    // A pipelined answer that waits for its turn has no socket yet, and never closes.
    if (!response.socket) response.req.once('close', this.#onClose)
    if (this.#signal) {
      if (this.#signal.aborted) return this.#onSignal()
      this.#signal.addEventListener('abort', this.#onSignal)
    }
    const { body } = this.#answer
    const { bytesPlanned } = this.#transfer
    if (body.length === 0) {
      this.#sendHead()
      response.end()
    } else if (this.#source.bytes) {
      this.#sendHead()
      this.#transfer.firstByte()
      this.#sendMemory(this.#source.bytes)
    } else if (this.#source.readInto) {
      const small = bytesPlanned <= smallSize
      this.#pool = small ? smallBuffers : largeBuffers
      if (small) this.#gather(0)
      else this.#pump()
    } else {
      void this.#iterate()
    }
  }

  /** Bytes in memory are sent as they lie. */
  #sendMemory(bytes: Uint8Array): void {
    const { body } = this.#answer
    for (let budget = memorySize; budget > 0;) {
      if (this.#over) return
      const segment = body[this.#index]!
      const whole = isBytes(segment)
        ? segment
        : bytes.subarray(segment.firstPos, segment.lastPos + 1)
      const piece = whole.subarray(this.#offset, this.#offset + budget)
      budget -= piece.length
      this.#offset += piece.length
      if (this.#offset === whole.length) {
        this.#index++
        this.#offset = 0
      }
      if (this.#index === body.length) {
        this.#response.end(piece)
        return
      }
      if (budget > 0) this.#response.write(piece, this.#count(piece.length))
      else
        this.#response.write(
          piece,
          this.#count(piece.length, () => this.#sendMemory(bytes)),
        )
    }
  }

  /** A small answer is read into one buffer and sent with its head. */
  #gather(filled: number): void {
    if (this.#over) return
    const { body } = this.#answer
    this.#buffer ??= this.#pool!.take()
    let position = filled
    for (; this.#index < body.length; this.#index++) {
      const segment = body[this.#index]!
      if (isBytes(segment)) {
        this.#buffer.set(segment, position)
        position += segment.length
        continue
      }
      const missing = byteLength(segment) - this.#offset
      if (missing === 0) {
        this.#offset = 0
        continue
      }
      const target = position === 0 ? this.#buffer : this.#buffer.subarray(position)
      this.#reading = true
      this.#source.readInto!(target, missing, segment.firstPos + this.#offset, (error, count) => {
        this.#reading = false
        if (this.#over) return this.#release()
        if (error) return this.#fail(error)
        if (count === 0) return this.#fail(tooShort(segment, missing))
        this.#offset += count
        this.#gather(position + count)
      })
      return
    }
    this.#transfer.firstByte()
    this.#sendHead()
    this.#response.end(this.#buffer.subarray(0, position))
  }

  /** A large answer goes through one buffer: read, written, and read into again once that is out. */
  readonly #pump = (): void => {
    if (this.#over) return
    const { body } = this.#answer
    const segment = body[this.#index]
    if (segment === undefined) {
      this.#response.end()
      return
    }
    if (isBytes(segment)) {
      // The head of the first part waits for bytes to follow, while there still can be an error.
      if (this.#index > 0) this.#response.write(segment, this.#count(segment.length))
      this.#index++
      return this.#pump()
    }
    const missing = byteLength(segment) - this.#offset
    if (missing === 0) {
      this.#index++
      this.#offset = 0
      return this.#pump()
    }
    this.#buffer ??= this.#pool!.take()
    this.#reading = true
    this.#source.readInto!(
      this.#buffer,
      Math.min(largeSize, missing),
      segment.firstPos + this.#offset,
      (error, count) => {
        this.#reading = false
        if (this.#over) return this.#release()
        if (error) return this.#fail(error)
        if (count === 0) return this.#fail(tooShort(segment, missing))
        this.#sendPiece(this.#buffer!.subarray(0, count), missing === count)
      },
    )
  }

  #sendPiece(piece: Uint8Array, endsSegment: boolean): void {
    const { body } = this.#answer
    const response = this.#response
    if (!response.headersSent) {
      this.#transfer.firstByte()
      this.#sendHead()
      const [head] = body
      if (head && isBytes(head)) response.write(head, this.#count(head.length))
    }
    this.#offset += piece.length
    if (endsSegment && this.#index === body.length - 1) response.end(piece)
    else response.write(piece, this.#count(piece.length, this.#pump))
  }

  /** Any other source is read piece by piece, each once the one before is out. */
  async #iterate(): Promise<void> {
    const response = this.#response
    this.#aborter = new AbortController()
    try {
      for await (const chunk of readBody(this.#answer.body, this.#source, this.#aborter.signal)) {
        await this.#write(chunk)
        if (this.#over) return
      }
      response.end()
    } catch (error) {
      this.#fail(error)
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const response = this.#response
    if (!response.headersSent) {
      // As above: a head of a part alone is no reason to begin.
      if (!this.#held && chunk === this.#answer.body[0]) {
        this.#held = chunk
        return
      }
      this.#transfer.firstByte()
      this.#sendHead()
      if (this.#held) response.write(this.#held, this.#count(this.#held.length))
    }
    await new Promise<void>((resolve) => {
      response.write(chunk, this.#count(chunk.length, resolve))
      this.#wake = resolve
    })
  }

  /** A write's callback: counts its bytes and goes on. */
  #count(length: number, next?: () => void): (error?: Error | null) => void {
    return (error) => {
      if (error) return
      this.#transfer.bytesSent += length
      next?.()
    }
  }

  #sendHead(): void {
    const response = this.#response
    const { status, headers } = this.#answer
    for (const name of response.getHeaderNames()) {
      if (isPlanned(name) || isWithheld(status, name)) response.removeHeader(name)
    }
    response.writeHead(status, headers as Record<string, string | string[]>)
  }

  readonly #onClose = (): void => {
    if (this.#over) return
    const response = this.#response
    // A request also closes when all of it has been read.
    if (!isSent(response) && !isGone(response)) return
    this.#end(!isSent(response))
  }

  readonly #onSignal = (): void => {
    this.#fail(this.#signal!.reason)
  }

  readonly #fail = (error: unknown): void => {
    if (this.#over) return
    const response = this.#response
    this.#transfer.error = error instanceof Error ? error : new Error(String(error))
    const begun = response.headersSent
    if (begun) cutOff(response)
    this.#end(true, begun ? undefined : { error })
  }

  #end(aborted: boolean, failure?: { error: unknown }): void {
    this.#over = true
    this.#response.off('close', this.#onClose)
    this.#response.req.off('close', this.#onClose)
    this.#signal?.removeEventListener('abort', this.#onSignal)
    this.#aborter?.abort()
    this.#wake?.()
    if (!this.#reading) this.#release(aborted)
    this.#transfer.finish(aborted)
    if (failure) this.#reject(failure.error)
    else this.#resolve()
  }

  #release(aborted = true): void {
    // What was aborted may still be on its way through the kernel: let that buffer go.
    if (this.#buffer && !aborted) this.#pool!.give(this.#buffer)
    this.#buffer = undefined
    release(this.#source, aborted)
  }
}

/** Lets go of a source when an answer is over; of what was aborted, nothing is kept for a next one. */
export function release(source: DirectSource, aborted: boolean): void {
  const closing = aborted && source.abandon ? source.abandon() : source.close?.()
  Promise.resolve(closing).catch(() => {})
}

/** Whether nobody will read what is sent from now on. */
export function isGone(response: NodeResponse): boolean {
  if (response instanceof Http2ServerResponse) {
    const { stream } = response
    return stream === undefined || stream.destroyed || stream.closed
  }
  return response.destroyed || response.req.socket.destroyed
}

/** Whether all of an answer was handed to the network. */
export function isSent(response: NodeResponse): boolean {
  return response.writableFinished
}

/** Ends a connection so that the client cannot take what it has for all there is. */
export function cutOff(response: NodeResponse): void {
  if (response instanceof Http2ServerResponse) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  } else {
    response.destroy()
  }
}
