/** Buffers that have been used and may be again: filling new memory costs more than reading a file. */
class BufferPool {
  /** Of each buffer, in bytes. */
  readonly size: number
  readonly #most: number
  readonly #free: Buffer[] = []

  constructor(size: number, most: number) {
    this.size = size
    this.#most = most
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size)
  }

  /** Only for a buffer that nobody will read from again: not the kernel, not a stream, not a user. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#most) this.#free.push(buffer)
  }
}

const KiB = 1024

/** An answer of up to this many bytes is read whole and sent with its head, in one write. */
export const smallSize: number = 64 * KiB

/** For small answers, and for clients that take their time; at most 16 MiB is kept. */
export const smallBuffers: BufferPool = new BufferPool(smallSize, 256)
/** For the pieces of larger answers; at most 6 MiB is kept. */
export const largeBuffers: BufferPool = new BufferPool(192 * KiB, 32)
/** For those of answers that go on and on, to a client that keeps up; at most 8 MiB is kept. */
export const hugeBuffers: BufferPool = new BufferPool(512 * KiB, 16)

export type { BufferPool }
