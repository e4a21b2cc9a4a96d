import type fs from 'node:fs'
import type { Examined } from './examine.ts'

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
  readonly #mtimeMs: number
  readonly #ctimeMs: number
  /** Data that readers keep for as long as the file stays the same. */
  memo: unknown
  /** When its path was last found to lie in its root. */
  confinedAt: number = performance.now()
  holders = 0
  idleSince = 0
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
