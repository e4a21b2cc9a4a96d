import fs from 'node:fs'
import type { ByteRange } from '../semantics/range.ts'
import { type DirectSource, type ReadCallback, readInto } from '../sources/source.ts'

/** How much an iterator reads at once, in bytes. */
const chunkSize = 192 * 1024

/** Reads from a file descriptor, held for as long as a response has the source open. */
export abstract class DescriptorSource implements DirectSource {
  readonly isDirect: true = true
  abstract readonly length: number
  protected abstract readonly fd: number
  /** Where the representation begins in the file. */
  protected readonly start: number = 0
  #users = 0

  /** Acquires a descriptor unless there is one. */
  protected abstract obtain(): Promise<void> | undefined
  /** Releases the descriptor; `aborted`: it is not kept for another response. */
  protected abstract releaseDescriptor(aborted: boolean): void

  open(): Promise<void> | undefined {
    this.#users++
    return this.obtain()
  }

  close(aborted = false): void {
    if (this.#users > 0) this.#users--
    if (this.#users === 0) this.releaseDescriptor(aborted)
  }

  /** Whether it has been closed again. */
  protected get hasNoUsers(): boolean {
    return this.#users === 0
  }

  readInto(target: Uint8Array, length: number, position: number, done: ReadCallback): void {
    try {
      fs.read(this.fd, target, 0, length, this.start + position, done)
    } catch (error) {
      // The caller has closed its FileHandle meanwhile.
      process.nextTick(done, error, 0)
    }
  }

  async *read({ firstPos, lastPos }: ByteRange): AsyncGenerator<Uint8Array> {
    try {
      await this.open()
      for (let position = firstPos; position <= lastPos;) {
        const length = Math.min(chunkSize, lastPos + 1 - position)
        const chunk = Buffer.allocUnsafeSlow(length)
        const bytesRead = await readInto(this, chunk, length, position)
        if (bytesRead === 0) return
        position += bytesRead
        yield chunk.subarray(0, bytesRead)
      }
    } finally {
      this.close()
    }
  }
}
