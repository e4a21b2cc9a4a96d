import { Readable } from 'node:stream'
import type { Segment } from '../semantics/byteranges.ts'
import type { OngoingTransfer } from '../telemetry.ts'
import { readBody } from './body.ts'
import { release } from './deliver.ts'
import { smallSize } from './pool.ts'
import type { DirectSource, Source } from './source.ts'

/** A body for a framework that wants to send it itself: bytes, a stream of them, or nothing. */
export type Body = Buffer | Readable | undefined

/**
 * The body of an answer: small ones read whole, so that a source's failure can still be answered;
 * large ones as a stream, which destroys itself where the source fails or runs short.
 *
 * The source is released when the bytes are read, or when the stream is at its end or destroyed.
 */
export async function toBody(
  segments: readonly Segment[],
  source: DirectSource,
  transfer: OngoingTransfer,
): Promise<Body> {
  if (segments.length === 0) {
    release(source, false)
    return undefined
  }
  try {
    // Held open from here on, whatever each of the reads opens and closes.
    await source.open?.()
    if (transfer.bytesPlanned > smallSize) return new BodyStream(segments, source, transfer)
    const body = await readWhole(segments, source)
    release(source, false)
    transfer.firstByte()
    return body
  } catch (error) {
    release(source, true)
    throw error
  }
}

async function readWhole(segments: readonly Segment[], source: Source): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readBody(segments, source, new AbortController().signal)) {
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

class BodyStream extends Readable {
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #source: Source
  readonly #transfer: OngoingTransfer
  readonly #aborter = new AbortController()

  constructor(segments: readonly Segment[], source: Source, transfer: OngoingTransfer) {
    super({ highWaterMark: smallSize })
    this.#source = source
    this.#transfer = transfer
    this.#chunks = readBody(segments, source, this.#aborter.signal)
  }

  override _read(): void {
    this.#chunks.next().then(
      ({ done, value }) => {
        if (done === true) {
          this.push(null)
          return
        }
        this.#transfer.firstByte()
        this.#transfer.bytesSent += value.length
        this.push(value)
      },
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#aborter.abort()
    void this.#chunks.return(undefined)
    release(this.#source, !this.readableEnded)
    if (error) this.#transfer.error = error
    callback(error)
  }
}
