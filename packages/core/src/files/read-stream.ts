import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { fileError, sourceError } from '../errors.ts'
import { declareCleanEnd, endEarly } from '../sources/early-end.ts'
import { DescriptorSource } from './descriptor-source.ts'
import type { Descriptor } from './descriptor.ts'
import { descriptors } from './descriptors.ts'
import { isUnsized } from './unsized.ts'
import type { Source } from '../sources/source.ts'

declareCleanEnd(fs.ReadStream.prototype)

const fstat = promisify(fs.fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<fs.BigIntStats>

/**
 * Makes a source of a file stream that has not been read from yet, so that it can be read at random.
 * It knows the length, and nothing else of the file. `undefined` for every other stream.
 *
 * While the stream opens its path, that is looked up among the files that are open already: often
 * there is nothing left to do then. Otherwise the stream's own descriptor serves.
 *
 * @throws SourceError with status 403, 404, 500 or 503, if the file cannot be opened
 */
export async function fromReadStream(stream: unknown): Promise<Source | undefined> {
  if (!(stream instanceof fs.ReadStream) || !isPlain(stream)) return undefined
  const shared = descriptorOf(stream) === undefined ? await openBoth(stream) : undefined
  const fd = descriptorOf(stream)
  // What the system writes as it is read has no length: the framework sends it as it comes.
  if (fd === undefined || shared?.content !== undefined) {
    shared?.release()
    return undefined
  }
  const size = shared ? Number(shared.stats.size) : await sizeOf(stream, fd)
  // Other code had it in hand meanwhile.
  if (size === undefined || !isPlain(stream)) {
    shared?.release()
    return undefined
  }
  return new ReadStreamSource(stream, size, shared)
}

const methods = ['read', 'push', 'unshift', 'pipe', '_read', '_construct'] as const

/** Whether a stream gives the bytes of its file, all of them, and nothing else. */
function isPlain(stream: fs.ReadStream): boolean {
  if (stream.destroyed || stream.readableDidRead || stream.readableFlowing === true) return false
  if (stream.readableEncoding !== null || stream.bytesRead > 0) return false
  // What was put back into it is held there; a listener for 'readable' is about to read it.
  if (stream.readableLength > 0 || stream.listenerCount('readable') > 0) return false
  for (const name of methods) {
    if (Reflect.get(stream, name) !== Reflect.get(fs.ReadStream.prototype, name)) return false
  }
  return isPositioned(stream)
}

/** Waits until a stream is open, and meanwhile for its file in the table of open files. */
async function openBoth(stream: fs.ReadStream): Promise<Descriptor | undefined> {
  const { path: filePath, flags } = stream as { path: unknown; flags?: string }
  const acquiring =
    typeof filePath === 'string' && flags === 'r'
      ? descriptors.acquire(path.resolve(filePath)).catch(() => undefined)
      : undefined
  try {
    await opened(stream)
  } catch (error) {
    void acquiring?.then((descriptor) => descriptor?.release())
    throw error
  }
  return acquiring
}

/** `undefined` unless it is a regular file that is as long as it says. */
async function sizeOf(stream: fs.ReadStream, fd: number): Promise<number | undefined> {
  const stats = await fstat(fd, { bigint: true }).catch((error: unknown) => {
    throw fileError(error, String(stream.path))
  })
  return stats.isFile() && !(await isUnsized(fd, stats)) ? Number(stats.size) : undefined
}

/**
 * Whether a stream reads through `node:fs` from a known position: a descriptor without a start is read
 * from wherever it is, and a `fs` option may lead to another file system.
 */
function isPositioned(stream: fs.ReadStream): boolean {
  const { path: filePath, start } = stream as { path?: unknown; start?: number }
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
  const { fd } = stream as { fd?: number | null }
  return typeof fd === 'number' && !stream.destroyed ? fd : undefined
}

/** Resolves when a stream is open, or destroyed before it was. */
function opened(stream: fs.ReadStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve())
    stream.once('close', () => resolve())
    stream.once('error', (error) => reject(fileError(error, String(stream.path))))
  })
}

class ReadStreamSource extends DescriptorSource {
  readonly length: number
  protected override readonly start: number
  readonly #stream: fs.ReadStream
  #shared: Descriptor | undefined

  constructor(stream: fs.ReadStream, size: number, shared: Descriptor | undefined) {
    super()
    const { start = 0, end = Infinity } = stream as { start?: number; end?: number }
    this.start = start
    this.length = Math.max(0, Math.min(size, end + 1) - start)
    this.#stream = stream
    this.#shared = shared
  }

  /** A destroyed stream ends what is sent of it, whichever descriptor is read. */
  protected get fd(): number {
    const fd = descriptorOf(this.#stream)
    if (fd === undefined) throw sourceError(500, 'ERR_SOURCE_CONSUMED', 'The stream was destroyed')
    return this.#shared?.fd ?? fd
  }

  protected obtain(): undefined {}

  protected releaseDescriptor(aborted: boolean): void {
    if (this.#shared) descriptors.release(this.#shared, aborted)
    this.#shared = undefined
    const stream = this.#stream
    if (aborted || stream.listenerCount('end') === 0 || stream.destroyed) {
      stream.destroy()
    } else {
      endEarly(stream)
    }
  }
}
