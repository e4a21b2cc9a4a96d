import fs from 'node:fs'
import { errorMonitor } from 'node:events'
import { promisify } from 'node:util'
import { fileError, sourceError } from '../errors.ts'
import { declareCleanEnd, endAtOnce } from '../sources/early-end.ts'
import type { ReadCallback, Source } from '../sources/source.ts'
import { DescriptorSource } from './descriptor-source.ts'
import { settle, type Settled } from './settle.ts'
import { isUnsized } from './unsized.ts'
import { type FileVersion, versionOf } from './validators.ts'

declareCleanEnd(fs.ReadStream.prototype)

const fstat = promisify(fs.fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<fs.BigIntStats>

/** What a file stream has besides what its type says. */
interface FileStream extends fs.ReadStream {
  readonly fd?: number | null
  readonly start?: number
  readonly end?: number
}

/** The `_read` of a stream that is held back: it reads nothing. */
export type HeldRead = (size: number) => void

/** A stream that is piped and held back. */
export interface Held {
  readonly read: HeldRead
  /** Lets it read on, as the response was aborted: other code may have a use for it. */
  release(): void
}

/**
 * Makes a source of a file stream that has not been read from yet, so that it can be read at random.
 * It has the length of what the stream would give, and the validators of the file that is open, but no
 * type. `undefined` for every other stream.
 *
 * @param held if it is piped: how it is held back. Otherwise it is destroyed if a response is aborted.
 * @throws SourceError with status 403, 404, 500 or 503, if the file cannot be opened
 */
export async function fromReadStream(stream: unknown, held?: Held): Promise<Source | undefined> {
  if (!(stream instanceof fs.ReadStream) || !isPlain(stream, held?.read)) return undefined
  if (descriptorOf(stream) === undefined) await opened(stream, held !== undefined)
  const fd = descriptorOf(stream)
  if (fd === undefined) return undefined
  const file = await look(stream, fd)
  // Other code had it in hand meanwhile.
  if (!file || !isPlain(stream, held?.read)) return undefined
  const version = versionOf(file.stats, file.isSettled)
  return new ReadStreamSource(stream, version, held)
}

const methods = ['read', 'push', 'unshift', 'pipe', '_read', '_construct'] as const

/**
 * Whether a stream gives the bytes of its file, all of them, and nothing else.
 *
 * @param held if it is piped: the `_read` that it may have of its own. The pipe is all that reads it.
 */
export function isPlain(stream: fs.ReadStream, held?: HeldRead): boolean {
  if (stream.destroyed || stream.readableDidRead) return false
  if ((stream.readableFlowing === true) !== (held !== undefined)) return false
  if (held && stream.listenerCount('data') !== 1) return false
  if (stream.readableEncoding !== null || stream.bytesRead > 0) return false
  // What was put back into it is held there; a listener for 'readable' is about to read it.
  if (stream.readableLength > 0 || stream.listenerCount('readable') > 0) return false
  for (const name of methods) {
    const method: unknown = Reflect.get(stream, name)
    if (method !== Reflect.get(fs.ReadStream.prototype, name) && method !== held) return false
  }
  return isPositioned(stream)
}

/**
 * Looks at the file of a stream until it has settled. `undefined` unless it is a regular file that is
 * as long as it says: what the system writes as it is read has no length.
 */
async function look(stream: fs.ReadStream, fd: number): Promise<Settled | undefined> {
  try {
    const settled = await settle(() => fstat(fd, { bigint: true }))
    const { stats } = settled
    return stats.isFile() && !(await isUnsized(fd, stats)) ? settled : undefined
  } catch (error) {
    if (stream.destroyed) return undefined
    throw fileError(error, String(stream.path))
  }
}

/**
 * Whether a stream reads through `node:fs` from a known position: a descriptor without a start is read
 * from wherever it is, and a `fs` option may lead to another file system.
 */
function isPositioned(stream: fs.ReadStream): boolean {
  const { path: filePath, start }: FileStream = stream
  if (typeof filePath !== 'string' && !Buffer.isBuffer(filePath) && start === undefined)
    return false
  const fileSystem = internal(stream, 'kFs')
  return fileSystem === undefined || fileSystem === fs || internal(stream, 'kHandle') !== undefined
}

/** What Node keeps in a stream under a symbol of this name. */
function internal(stream: fs.ReadStream, name: string): unknown {
  const key = Object.getOwnPropertySymbols(stream).find(({ description }) => description === name)
  return key === undefined ? undefined : (Reflect.get(stream, key) ?? undefined)
}

function descriptorOf(stream: fs.ReadStream): number | undefined {
  const { fd }: FileStream = stream
  return typeof fd === 'number' && !stream.destroyed ? fd : undefined
}

/**
 * Resolves when a stream is open, or destroyed before it was.
 *
 * @param isMonitored whether an error is for the listeners of the caller, or an uncaught exception
 */
function opened(stream: fs.ReadStream, isMonitored: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(fileError(error, String(stream.path)))
    stream.once('open', () => resolve())
    stream.once('close', () => resolve())
    if (isMonitored) stream.once(errorMonitor, onError)
    else stream.once('error', onError)
  })
}

class ReadStreamSource extends DescriptorSource {
  readonly length: number
  readonly etag: string
  readonly lastModified?: Date
  readonly lastChanged?: Date
  protected override readonly start: number
  readonly #stream: fs.ReadStream
  readonly #held: Held | undefined
  /** Where in the file the last read ended. */
  #position: number | undefined

  constructor(stream: fs.ReadStream, version: FileVersion, held: Held | undefined) {
    super()
    const { start = 0, end = Infinity }: FileStream = stream
    const { size } = version.stats
    this.start = start
    this.length = Math.max(0, Math.min(size, end + 1) - start)
    this.etag =
      this.length === size ? version.etag : tagOfPart(version.etag, start, start + this.length)
    if (version.lastModified) {
      this.lastModified = version.lastModified
      this.lastChanged = version.lastChanged
    }
    this.#stream = stream
    this.#held = held
  }

  /** A destroyed stream ends what is sent of it. */
  protected get fd(): number {
    const fd = descriptorOf(this.#stream)
    if (fd === undefined) throw destroyed()
    return fd
  }

  override readInto(
    target: Uint8Array,
    length: number,
    position: number,
    done: ReadCallback,
  ): void {
    const stream = this.#stream
    super.readInto(target, length, position, (error, bytesRead) => {
      // Its descriptor may have become that of another file before it was read.
      if (stream.destroyed) return done(destroyed(), 0)
      if (!this.#held) return done(error, bytesRead)
      if (error) {
        // As if the stream itself had read it, and before the response is cut off.
        stream.once(errorMonitor, () => process.nextTick(done, error, 0))
        stream.destroy(error)
        return undefined
      }
      // What waits for its end may tell how much was read.
      stream.bytesRead += bytesRead
      this.#position = this.start + position + bytesRead
      return done(null, bytesRead)
    })
  }

  protected obtain(): undefined {}

  protected releaseDescriptor(aborted: boolean): void {
    const stream = this.#stream
    if (aborted && this.#held) {
      if (this.#position !== undefined) Object.assign(stream, { pos: this.#position })
      this.#held.release()
    } else if (aborted || stream.listenerCount('end') === 0 || stream.destroyed) {
      stream.destroy()
    } else {
      stream.unpipe()
      endAtOnce(stream)
    }
  }
}

/** A part of a file that is served as a whole is another representation. */
function tagOfPart(etag: string, start: number, end: number): string {
  return `${etag.slice(0, -1)}-${start}-${end}"`
}

function destroyed(): Error {
  return sourceError(500, 'ERR_SOURCE_CONSUMED', 'The stream was destroyed')
}
