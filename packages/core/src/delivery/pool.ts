/** Buffers that are reused: filling new memory costs more than reading a file. */
class BufferPool {
  /** Of each buffer, in bytes. */
  readonly size: number
  readonly #max: number
  readonly #free: Buffer[] = []

  constructor(size: number, max: number) {
    this.size = size
    this.#max = max
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size)
  }

  /** Takes back a buffer that nothing reads any more: not the kernel, a stream or a caller. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#max) this.#free.push(buffer)
  }
}

const KiB = 1024

/** Content of up to this many bytes is read at once and sent with the head, in one write. */
export const smallSize: number = 64 * KiB

/** For small content, and for slow clients; keeps at most 16 MiB. */
export const smallBuffers: BufferPool = new BufferPool(smallSize, 256)
/** For the pieces of larger content; keeps at most 6 MiB. */
export const largeBuffers: BufferPool = new BufferPool(192 * KiB, 32)
/** For the pieces of long content, to a client that keeps up; keeps at most 8 MiB. */
export const hugeBuffers: BufferPool = new BufferPool(512 * KiB, 16)

export type { BufferPool }
