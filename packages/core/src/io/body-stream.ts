import { Readable } from 'node:stream'
import { isBytes, type Segment } from '../semantics/byteranges.ts'
import type { OngoingTransfer } from '../telemetry.ts'
import { readBody } from './body.ts'
import { release } from './deliver.ts'
import { smallSize } from './pool.ts'
import type { Source } from './source.ts'

/** A body for a framework that wants to send it itself: bytes, a stream of them, or nothing. */
export type Body = Buffer | Readable | undefined

/**
 * The body of an answer: small ones read whole, large ones as a stream whose first bytes have been
 * read, so that a source that fails at once can still be answered with an error. The stream destroys
 * itself where the source fails later or runs short.
 *
 * The source is released when the bytes are read, or when the stream is at its end or destroyed.
 *
 * @param aborter aborted when nobody wants the body any more, by whoever learns of it first
 */
export async function toBody(
  segments: readonly Segment[],
  source: Source,
  transfer: OngoingTransfer,
  aborter: AbortController,
): Promise<Body> {
  if (segments.length === 0) {
    release(source, false)
    return undefined
  }
  try {
    const chunks = readBody(segments, source, aborter.signal)
    if (transfer.bytesPlanned > smallSize) {
      const first = await readFirst(chunks, segments)
      transfer.firstByte()
      return new BodyStream(first, chunks, source, transfer, aborter)
    }
    const pieces: Uint8Array[] = []
    for await (const chunk of chunks) pieces.push(chunk)
    const body = Buffer.concat(pieces)
    transfer.firstByte()
    release(source, false)
    return body
  } catch (error) {
    release(source, true)
    throw error
  }
}

/** What comes first, up to the first bytes of the source's own. */
async function readFirst(
  chunks: AsyncGenerator<Uint8Array>,
  segments: readonly Segment[],
): Promise<Uint8Array[]> {
  const first: Uint8Array[] = []
  for (let missing = isBytes(segments[0]!) ? 2 : 1; missing > 0; missing--) {
    const { done, value } = await chunks.next()
    if (done !== true) first.push(value)
  }
  return first
}

class BodyStream extends Readable {
  readonly #first: Uint8Array[]
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #source: Source
  readonly #transfer: OngoingTransfer
  readonly #aborter: AbortController

  constructor(
    first: Uint8Array[],
    chunks: AsyncGenerator<Uint8Array>,
    source: Source,
    transfer: OngoingTransfer,
    aborter: AbortController,
  ) {
    super({ highWaterMark: smallSize })
    this.#first = first
    this.#chunks = chunks
    this.#source = source
    this.#transfer = transfer
    this.#aborter = aborter
  }

  override _read(): void {
    const ready = this.#first.shift()
    if (ready) return this.#give(ready)
    this.#chunks.next().then(
      ({ done, value }) => (done === true ? void this.push(null) : this.#give(value)),
      (error: Error) => this.destroy(error),
    )
  }

  #give(chunk: Uint8Array): void {
    this.#transfer.bytesSent += chunk.length
    this.push(chunk)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#aborter.abort()
    void this.#chunks.return(undefined)
    release(this.#source, !this.readableEnded)
    if (error) this.#transfer.error = error
    callback(error)
  }
}
