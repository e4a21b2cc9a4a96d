import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { invalidArgument, sourceError } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Metadata } from '../sources/buffer.ts'
import { type DirectSource, pickMetadata, type Source } from '../sources/source.ts'
import { typeOf } from '../media-type.ts'
import { nameOf, validateCount, validateMetadata, validateObject } from '../validate.ts'
import type { Descriptor } from './descriptor.ts'
import { descriptors } from './descriptors.ts'
import { openFile, toAbsolutePath } from './file.ts'
import type { FileStats } from './file-stats.ts'
import { toFileStats, versionOf } from './validators.ts'

/** When a file that is still being written is complete. */
export interface GrowingOptions extends Metadata {
  /**
   * The file grows until this signal aborts, this promise resolves, or this function returns or
   * resolves to `true`; it is called whenever all that is there has been sent. A promise that rejects,
   * or a function that throws, says that the file will never be complete: its responses are cut off.
   */
  readonly until?:
    | AbortSignal
    | PromiseLike<unknown>
    | (() => boolean | PromiseLike<boolean>)
    | undefined
  /**
   * The file is complete once it has not been written to for this time, in milliseconds. Default:
   * 10,000, or with `until` no limit.
   */
  readonly maxIdle?: number | undefined
}

/** How often a file that has been read to its end is looked at, in milliseconds. */
const pollMs = 100
const chunkSize = 192 * 1024
const read = promisify(fs.read)
const fstat = promisify(fs.fstat)

/**
 * Makes a source of a file that is still being written, such as a recording or a log. Ranges of what
 * is there have a Content-Range without a complete length (`bytes 0-499/*`). The full response follows
 * the file: it has no Content-Length, and ends when the file is complete. So does a range whose last
 * position is very large (RFC 8673): `bytes=500-9007199254740991`.
 *
 * The ETag is weak: what a client has is always the beginning of what comes, but not the same. Once
 * the file is complete, it is a file as any other, with a strong tag. It must only be appended to: a
 * file that becomes shorter fails with `ERR_SOURCE_CHANGED`.
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`, or TypeError `ERR_RELATIVE_PATH`, at the call
 * @throws SourceError with status 403, 404, 500 or 503, by rejecting
 *
 * @example
 * const recording = spawn('ffmpeg', [...input, '-f', 'mpegts', '/srv/live.ts'])
 * const ended = once(recording, 'exit')
 * app.get('/live.ts', (req, res) => res.sendRange(fromGrowing('/srv/live.ts', { until: ended })))
 */
export function fromGrowing(file: string | URL, options: GrowingOptions = {}): Promise<Source> {
  validateObject('options', options)
  validateMetadata(options)
  const { until, maxIdle = until === undefined ? 10_000 : Infinity } = options
  validateCount('maxIdle', maxIdle)
  return open(toAbsolutePath(file), pickMetadata(options), new Growth(until, maxIdle))
}

async function open(filePath: string, metadata: Metadata, growth: Growth): Promise<Source> {
  // Before the file is examined: what was written before its writer says so is then in its stats.
  const isSaid = await growth.isOver(0)
  if (isSaid) return openFile(filePath, undefined, { metadata })
  const descriptor = await descriptors.acquire(filePath)
  const mtimeMs = Number(descriptor.stats.mtimeNs / 1_000_000n)
  const isOver = descriptor.content !== undefined || growth.isIdle(Date.now() - mtimeMs)
  if (!isOver) return new GrowingSource(descriptor, filePath, metadata, growth)
  descriptor.release()
  return openFile(filePath, undefined, { metadata })
}

/** Tells when a file is complete. */
class Growth {
  readonly #until: GrowingOptions['until']
  readonly #maxIdle: number
  /** The outcome of a promise. */
  #outcome: { readonly error?: unknown } | undefined

  constructor(until: GrowingOptions['until'], maxIdle: number) {
    this.#until = until
    this.#maxIdle = maxIdle
    if (until === undefined || typeof until === 'function' || until instanceof AbortSignal) return
    if (typeof until?.then !== 'function') {
      throw invalidArgument(
        'ERR_INVALID_ARGUMENT',
        `until must be an AbortSignal, a promise or a function, got ${nameOf(until)}`,
      )
    }
    until.then(
      () => (this.#outcome = {}),
      (error: unknown) => (this.#outcome = { error }),
    )
  }

  /** Whether the file is complete, if it has not been written to for a time in milliseconds. */
  async isOver(idleMs: number): Promise<boolean> {
    return (await this.#isSaid()) || this.isIdle(idleMs)
  }

  isIdle(idleMs: number): boolean {
    return idleMs > this.#maxIdle
  }

  async #isSaid(): Promise<boolean> {
    const until = this.#until
    if (until === undefined) return false
    if (until instanceof AbortSignal) return until.aborted
    if (typeof until === 'function') return until()
    // A promise that is settled already has called back by the next turn.
    if (!this.#outcome) await sleep(0)
    if (this.#outcome && 'error' in this.#outcome) throw this.#outcome.error
    return this.#outcome !== undefined
  }
}

/** A file that is being written, as it was when it was opened. */
class GrowingSource implements DirectSource {
  readonly isDirect: true = true
  readonly isGrowing = true
  readonly length: number
  readonly stats: FileStats
  declare readonly type?: string
  declare readonly etag?: string
  declare readonly lastModified?: Date
  declare readonly lastChanged?: Date
  readonly #path: string
  readonly #growth: Growth
  #descriptor: Descriptor | undefined
  #users = 0

  constructor(descriptor: Descriptor, filePath: string, metadata: Metadata, growth: Growth) {
    const { etag, lastModified, lastChanged, stats } = versionOf(descriptor.stats, false)
    const type = typeOf(filePath)
    this.length = stats.size
    this.stats = stats
    const own = { etag, ...(lastModified && { lastModified, lastChanged }), ...(type && { type }) }
    Object.assign(this, own, metadata)
    this.#descriptor = descriptor
    this.#path = filePath
    this.#growth = growth
  }

  open(): Promise<void> | undefined {
    this.#users++
    return this.#descriptor ? undefined : this.#reopen()
  }

  close(): void {
    if (this.#users > 0) this.#users--
    const descriptor = this.#descriptor
    if (this.#users > 0 || !descriptor) return
    this.#descriptor = undefined
    // By the next request the file is another version, and is opened again.
    descriptors.release(descriptor, true)
  }

  async *read(
    { firstPos, lastPos }: ByteRange,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    try {
      await this.open()
      let position = firstPos
      let isOver = false
      while (position <= lastPos) {
        const length = Math.min(chunkSize, lastPos + 1 - position)
        const { fd } = this.#descriptor!
        const { buffer, bytesRead } = await read(fd, Buffer.allocUnsafeSlow(length), 0, length, position) // prettier-ignore
        if (bytesRead > 0) {
          position += bytesRead
          yield buffer.subarray(0, bytesRead)
          continue
        }
        // Read once more since it was said to be complete, so that nothing is missed.
        if (isOver) return
        const mtimeMs = await this.#examine(fd, position)
        isOver = await this.#growth.isOver(Date.now() - mtimeMs)
        if (!isOver) await sleep(pollMs, undefined, { signal })
      }
    } finally {
      this.close()
    }
  }

  /** Throws if the file has become shorter; resolves to the time of its latest change. */
  async #examine(fd: number, position: number): Promise<number> {
    const { size, mtimeMs } = await fstat(fd)
    if (size < Math.max(position, this.length)) throw this.#changed()
    return mtimeMs
  }

  async #reopen(): Promise<void> {
    const descriptor = await descriptors.acquire(this.#path)
    const { ino, size } = toFileStats(descriptor.stats)
    const isSame = ino === this.stats.ino && size >= this.length
    if (!isSame || this.#descriptor || this.#users === 0) descriptor.release()
    else this.#descriptor = descriptor
    if (!isSame) throw this.#changed()
  }

  #changed(): Error {
    const message = 'The file was truncated or replaced'
    return sourceError(500, 'ERR_SOURCE_CHANGED', message, { path: this.#path })
  }
}
