// How fast the content of one response goes out, if a limit is set.

import type { Pace } from '../pace.ts'

/** The time in milliseconds, and a way to wait. */
export interface Clock {
  now(): number
  wait(milliseconds: number): Promise<void>
}

const systemClock: Clock = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, Math.ceil(milliseconds))),
}

/** No piece is larger, in bytes. */
const largest = 64 * 1024
/** Pieces are such that about this many go out in a second, however low the pace. */
const piecesPerSecond = 10

/**
 * Lets bytes pass at a pace: at most `burst` at once, and over any time no more than that and what the
 * pace gives for it. A client that takes its time is not behind for more than a burst.
 */
export class Pacer {
  /** The most bytes of a piece. */
  readonly maxPiece: number
  readonly #bytesPerMs: number
  /** For how long a burst lasts, but for the piece that comes next. */
  readonly #slackMs: number
  readonly #clock: Clock
  /** When what has passed so far would have passed without a burst. */
  #dueAt = -Infinity

  constructor({ bytesPerSecond, burst = bytesPerSecond }: Pace, clock: Clock = systemClock) {
    const piece = Math.max(1, Math.floor(bytesPerSecond / piecesPerSecond))
    this.maxPiece = Math.min(piece, burst, largest)
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#slackMs = (burst - this.maxPiece) / this.#bytesPerMs
    this.#clock = clock
  }

  /**
   * Notes that a piece goes out.
   *
   * @returns a promise that resolves when the next one may; `undefined` if that is now
   */
  pass(length: number): Promise<void> | undefined {
    const now = this.#clock.now()
    this.#dueAt = Math.max(this.#dueAt, now) + length / this.#bytesPerMs
    const waitMs = this.#dueAt - this.#slackMs - now
    return waitMs > 0 ? this.#clock.wait(waitMs) : undefined
  }
}
