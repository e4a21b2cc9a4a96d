import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { fileError, sourceError } from '../errors.ts'
import { declareCleanEnd, endEarly } from '../sources/early-end.ts'
import { DescriptorSource } from './descriptor-source.ts'
import { type Descriptor, descriptors } from './descriptors.ts'
import type { Source } from '../sources/source.ts'

declareCleanEnd(fs.ReadStream.prototype)

const fstat = promisify(fs.fstat)
const read = promisify(fs.read)

/**
 * Makes a source of a file stream that nobody has read from yet, so that it can be read at random. It
 * knows the length, and nothing else of the file. `undefined` where the stream is anything else.
 *
 * A path that is being opened is looked up among the files that are open already meanwhile: with luck
 * there is nothing left to do when it is open. Else the stream's own descriptor serves.
 *
 * @throws SourceError with status 403, 404, 500 or 503, where the file cannot be opened
 */
export async function fromReadStream(stream: unknown): Promise<Source | undefined> {
  if (!(stream instanceof fs.ReadStream) || !isPlain(stream)) return undefined
  const shared = descriptorOf(stream) === undefined ? await openBoth(stream) : undefined
  const fd = descriptorOf(stream)
  const ownSize = fd === undefined || shared ? undefined : await sizeOf(stream, fd)
  const size = shared ? Number(shared.stats.size) : ownSize
  if (fd === undefined || size === undefined || (size === 0 && !(await isEmpty(fd)))) {
    shared?.release()
    return undefined
  }
  // Other code had it in hand meanwhile.
  if (!isPlain(stream)) {
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

/** Waits for a stream to be open, and meanwhile for its file among those that are. */
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

/** `undefined` where it is no regular file. */
async function sizeOf(stream: fs.ReadStream, fd: number): Promise<number | undefined> {
  const stats = await fstat(fd).catch((error: unknown) => {
    throw fileError(error, String(stream.path))
  })
  return stats.isFile() ? stats.size : undefined
}

/** Whether there is nothing in a file of no size: those of /proc and /sys are written as they are read. */
async function isEmpty(fd: number): Promise<boolean> {
  const { bytesRead } = await read(fd, Buffer.alloc(1), 0, 1, 0).catch(() => ({ bytesRead: -1 }))
  return bytesRead === 0
}

/**
 * Whether a stream reads a file of the system's, from a position that is known: a descriptor that was
 * opened before is read from where it is, and another file system's is none of ours.
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

  /** Whoever destroys the stream ends what is sent of it, whichever descriptor is read. */
  protected get fd(): number {
    const fd = descriptorOf(this.#stream)
    if (fd === undefined) throw sourceError(500, 'ERR_SOURCE_CONSUMED', 'The stream was destroyed')
    return this.#shared?.fd ?? fd
  }

  protected obtain(): undefined {}

  protected letGo(abandoned: boolean): void {
    if (this.#shared) descriptors.letGo(this.#shared, abandoned)
    this.#shared = undefined
    const stream = this.#stream
    if (abandoned || stream.listenerCount('end') === 0 || stream.destroyed) {
      stream.destroy()
    } else {
      endEarly(stream)
    }
  }
}
