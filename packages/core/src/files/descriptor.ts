import fs from 'node:fs'
import { confine } from './confinement.ts'
import type { Examined } from './examine.ts'
import { readPolicy } from './read-policy.ts'
import type { FileVersion } from './validators.ts'

/** What stays the same for a file as long as its descriptor does. */
export interface FileFacts {
  readonly version: FileVersion
  readonly type: string | undefined
}

/** How long a path that lay in its root is assumed to lie there, if it is the same file. */
const confinementMs = 500

/** An open file, and the state in which it was found. */
export class Descriptor {
  readonly key: string
  readonly fd: number
  readonly stats: fs.BigIntStats
  /** Whether every later change is certain to change the stats. */
  readonly isSettled: boolean
  /** The content of a file whose size is not its length. */
  readonly content: Buffer | undefined
  readonly #onIdle: (descriptor: Descriptor) => void
  readonly #device: number
  readonly #mtimeMs: number
  readonly #ctimeMs: number
  /** Computed by the first reader. */
  facts: FileFacts | undefined
  /** When its path was last found to lie in its root. */
  #confinedAt: number = performance.now()
  holders = 0
  idleSince = 0
  /** Whether it has been read since it was opened. */
  #isRead = false
  /** No longer found by its path: closed when its last holder releases it. */
  retired = false

  constructor(
    key: string,
    fd: number,
    { stats, isSettled, content }: Examined,
    onIdle: (descriptor: Descriptor) => void,
  ) {
    this.key = key
    this.fd = fd
    this.stats = stats
    this.isSettled = isSettled
    this.content = content
    this.#onIdle = onIdle
    this.#device = Number(stats.dev)
    this.#mtimeMs = toMilliseconds(stats.mtimeNs)
    this.#ctimeMs = toMilliseconds(stats.ctimeNs)
  }

  /** Whether a path that has these stats is this file, unchanged. */
  isStill(stats: fs.Stats): boolean {
    return (
      stats.mtimeMs === this.#mtimeMs &&
      stats.ctimeMs === this.#ctimeMs &&
      stats.size === Number(this.stats.size) &&
      this.isFileOf(stats)
    )
  }

  /** Whether a path that has these stats leads to this file, whatever its state. */
  isFileOf(stats: fs.Stats): boolean {
    return stats.ino === Number(this.stats.ino) && stats.dev === Number(this.stats.dev)
  }

  /** Whether its device is quick enough now to be examined synchronously. */
  get isQuick(): boolean {
    return readPolicy.allows(this.#device)
  }

  /** Whether it has to be checked once more that its path lies in its root. */
  get isConfinementDue(): boolean {
    return performance.now() - this.#confinedAt >= confinementMs
  }

  /**
   * Checks now and then that a file that was opened inside its root is still found there. Bytes
   * that are read from the descriptor are those of that file in any case.
   */
  async confineAgain(filePath: string, root: string): Promise<void> {
    if (!this.isConfinementDue) return
    const now = performance.now()
    await confine(filePath, root)
    this.#confinedAt = now
  }

  /**
   * Examines a path synchronously, if its device is quick enough: returns whether it is still this
   * file, unchanged.
   */
  isStillSync(filePath: string): boolean {
    try {
      const stats = readPolicy.quickly(this.#device, () =>
        fs.statSync(filePath, { throwIfNoEntry: false }),
      )
      return stats !== undefined && this.isStill(stats)
    } catch {
      // It is examined once more, asynchronously, and that reports the error.
      return false
    }
  }

  /** Reads synchronously, if the device is quick enough; returns how many bytes, or `undefined`. */
  readSync(target: Uint8Array, length: number, position: number): number | undefined {
    if (!this.#isRead) {
      this.#isRead = true
      return undefined
    }
    return readPolicy.quickly(this.#device, () => fs.readSync(this.fd, target, 0, length, position))
  }

  release(): void {
    this.holders--
    if (this.holders === 0) this.#onIdle(this)
  }
}

/** Computed as Node computes `mtimeMs` from a timespec, so that the two can be compared. */
function toMilliseconds(nanoseconds: bigint): number {
  const second = 1_000_000_000n
  const fraction = ((nanoseconds % second) + second) % second
  return Number((nanoseconds - fraction) / second) * 1000 + Number(fraction) / 1_000_000
}
