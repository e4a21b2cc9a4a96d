/** Buffers that have been used and may be again: filling new memory costs more than reading a file. */
class BufferPool {
  readonly #size: number
  readonly #most: number
  readonly #free: Buffer[] = []

  constructor(size: number, most: number) {
    this.#size = size
    this.#most = most
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  /** Only for a buffer that nobody will read from again: not the kernel, not a stream, not a user. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#most) this.#free.push(buffer)
  }
}

/** An answer of up to this many bytes is read whole and sent with its head, in one write. */
export const smallSize: number = 64 * 1024
/** A larger one is read and sent in pieces of this many bytes, one at a time. */
export const largeSize: number = 256 * 1024

/** At most 4 MiB is kept for small answers. */
export const smallBuffers: BufferPool = new BufferPool(smallSize, 64)
/** At most 8 MiB is kept for large ones. */
export const largeBuffers: BufferPool = new BufferPool(largeSize, 32)

export type { BufferPool }
