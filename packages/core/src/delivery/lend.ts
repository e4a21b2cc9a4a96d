import { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { isBytes, type Segment } from '../semantics/byteranges.ts'
import type { OngoingTransfer } from '../transfer.ts'
import { readBody } from '../sources/read-range.ts'
import type { Cancellation } from './cancellation.ts'
import { type Answer, callsBack, release } from './deliver.ts'
import { canGather, type Pieces, ReadAhead, toPieces } from './pieces.ts'
import { smallBuffers, smallSize } from './pool.ts'
import type { DirectSource, Source } from '../sources/source.ts'

/** A body for a framework that wants to send it itself: bytes, a stream of them, or nothing. */
export type Body = Buffer | Readable | undefined

/**
 * The body of an answer: small ones and what is in memory as bytes, others as a stream whose first
 * bytes have been read, so that a source that fails at once can still be answered with an error. The
 * stream destroys itself where the source fails later or runs short.
 *
 * The source is released when the bytes are read, or when the stream is at its end or destroyed.
 *
 * @param cancellation cancelled when nobody wants the body any more, by whoever learns of it first
 * @param lend whether a small body may be `lent`: lie in memory that the caller gives back to
 *   `smallBuffers` when nobody will read the body any more
 */
export async function toBody(
  answer: Answer,
  cancellation: Cancellation,
  lend: boolean,
): Promise<{ readonly body: Body; readonly lent?: Buffer }> {
  const { source, transfer } = answer
  const segments = answer.plan.body
  const { bytesPlanned } = transfer
  const slice = oneSlice(segments, source)
  if (slice || bytesPlanned === 0) {
    transfer.firstByte()
    release(source, false)
    return { body: slice }
  }
  let body: BodyStream | undefined
  try {
    if (bytesPlanned > smallSize) {
      const pieces = toPieces(segments, source, () => cancellation.signal)
      body = new BodyStream(pieces, source, transfer, cancellation)
      await body.begin(segments[0]!)
      cancellation.throwIfCancelled()
      return { body }
    }
    const whole = await readWhole(answer, cancellation, lend)
    cancellation.throwIfCancelled()
    transfer.firstByte()
    release(source, false)
    return whole
  } catch (error) {
    if (body) body.destroy()
    else release(source, true)
    throw error
  }
}

/** A body that lies in memory as it is to be sent. */
function oneSlice(segments: readonly Segment[], { bytes }: DirectSource): Buffer | undefined {
  const [only] = segments
  if (!bytes || !only || segments.length > 1 || isBytes(only)) return undefined
  return toBuffer(bytes.subarray(only.firstPos, only.lastPos + 1))
}

async function readWhole(
  answer: Answer,
  cancellation: Cancellation,
  lend: boolean,
): Promise<{ body: Buffer; lent?: Buffer }> {
  const { source, plan } = answer
  if (canGather(source)) {
    const { buffer, reading } = answer.readAhead ?? new ReadAhead(plan.body, source)
    await reading
    const body = buffer.subarray(0, answer.transfer.bytesPlanned)
    if (lend) return { body, lent: buffer }
    const own = Buffer.from(body)
    smallBuffers.give(buffer)
    return { body: own }
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of readBody(plan.body, source, cancellation.signal)) chunks.push(chunk)
  return { body: chunks.length === 1 ? toBuffer(chunks[0]!) : Buffer.concat(chunks) }
}

function toBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

/**
 * A body as a stream. Piped straight to a response it goes out of one buffer that is used again and
 * again; to anyone else it gives memory to keep.
 */
class BodyStream extends Readable {
  readonly #pieces: Pieces
  readonly #source: Source
  readonly #transfer: OngoingTransfer
  readonly #cancellation: Cancellation
  /** What was read to begin with, and has not been given out. */
  readonly #ready: Uint8Array[] = []
  #missing: number
  #reading = false
  #writing = false
  /** Ends the wait for a write that will not come back. */
  #wake: (() => void) | undefined

  constructor(
    pieces: Pieces,
    source: Source,
    transfer: OngoingTransfer,
    cancellation: Cancellation,
  ) {
    super({ highWaterMark: smallSize })
    this.#pieces = pieces
    this.#source = source
    this.#transfer = transfer
    this.#cancellation = cancellation
    this.#missing = transfer.bytesPlanned
    cancellation.onCancel = (reason) => {
      this.destroy(reason instanceof Error ? reason : undefined)
    }
  }

  /** Reads the first bytes of the source's own, behind the head of their part. */
  async begin(first: Segment): Promise<void> {
    for (let missing = isBytes(first) ? 2 : 1; missing > 0; missing--) {
      this.#ready.push(await this.#pull())
    }
    this.#transfer.firstByte()
  }

  override _read(): void {
    this.#take().then(
      (piece) => {
        if (piece) this.#transfer.bytesSent += piece.length
        this.push(piece && this.#pieces.recycles ? Buffer.from(piece) : (piece ?? null))
      },
      (error: Error) => this.destroy(error),
    )
  }

  override pipe<T extends NodeJS.WritableStream>(target: T, options?: { end?: boolean }): T {
    if (!isPlainResponse(target) || this.readableFlowing !== null || this.readableDidRead) {
      return super.pipe(target, options)
    }
    if (options?.end !== false) this.once('end', () => target.end())
    target.once('close', () => this.destroy())
    target.emit('pipe', this)
    this.#sendTo(target).catch((error: Error) => this.destroy(error))
    return target
  }

  async #sendTo(response: ServerResponse): Promise<void> {
    for (;;) {
      const piece = await this.#take()
      if (this.destroyed) return
      if (!piece) break
      this.#writing = true
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        response.write(piece, (error) => {
          if (error) return
          this.#transfer.bytesSent += piece.length
          this.#writing = false
          resolve()
        })
      })
      if (this.destroyed) return
    }
    this.push(null)
    this.resume()
  }

  /** The next piece, or `undefined` at the end. */
  async #take(): Promise<Uint8Array | undefined> {
    return this.#ready.shift() ?? (this.#missing > 0 ? this.#pull() : undefined)
  }

  async #pull(): Promise<Uint8Array> {
    this.#reading = true
    try {
      const piece = (await this.#pieces.next())!
      this.#missing -= piece.length
      return piece
    } finally {
      this.#reading = false
      if (this.destroyed && canGather(this.#source)) this.#release()
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isRead) this.#cancellation.cancel()
    this.#wake?.()
    if (error) this.#transfer.error = error
    // A read that the kernel has in hand keeps the source until it comes back.
    if (!this.#reading || !canGather(this.#source)) this.#release()
    callback(error)
  }

  get #isRead(): boolean {
    return this.#missing === 0 && this.#ready.length === 0
  }

  #release(): void {
    this.#pieces.close(this.#isRead && !this.#writing)
    release(this.#source, !this.#isRead)
  }
}

function isPlainResponse(target: unknown): target is ServerResponse {
  return target instanceof ServerResponse && callsBack(target)
}
