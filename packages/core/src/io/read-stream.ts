import { once } from 'node:events'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { fileError } from '../errors.ts'
import { DescriptorSource } from './descriptor-source.ts'
import type { Source } from './source.ts'

const fstat = promisify(fs.fstat)

/**
 * Makes a source of a file stream that nobody has read from yet, so that it can be read at random,
 * from the descriptor it has. It knows the length, and nothing else of the file. `undefined` where
 * the stream is anything else.
 *
 * @throws SourceError with status 403, 404, 500 or 503, where the file cannot be opened
 */
export async function fromReadStream(stream: unknown): Promise<Source | undefined> {
  if (!(stream instanceof fs.ReadStream)) return undefined
  if (stream.destroyed || stream.readableDidRead || stream.readableFlowing === true)
    return undefined
  if (stream.readableEncoding !== null || stream.bytesRead > 0) return undefined
  const { fd: opened } = stream as { fd?: number | null }
  if (typeof opened !== 'number') {
    await once(stream, 'open').catch((error: unknown) => {
      throw fileError(error, String(stream.path))
    })
  }
  const { fd } = stream as unknown as { fd: number }
  const stats = await fstat(fd).catch((error: unknown) => {
    throw fileError(error, String(stream.path))
  })
  return stats.isFile() ? new ReadStreamSource(stream, fd, stats.size) : undefined
}

class ReadStreamSource extends DescriptorSource {
  readonly length: number
  protected readonly fd: number
  protected override readonly start: number
  readonly #stream: fs.ReadStream

  constructor(stream: fs.ReadStream, fd: number, size: number) {
    super()
    const { start = 0, end = Infinity } = stream as { start?: number; end?: number }
    this.start = start
    this.length = Math.max(0, Math.min(size, end + 1) - start)
    this.fd = fd
    this.#stream = stream
  }

  protected obtain(): undefined {}

  protected letGo(): void {
    this.#stream.destroy()
  }
}
