// The option `pace`.

import { invalidArgument } from './errors.ts'
import { validateObject, validatePositive } from './validate.ts'

/** How fast the content of one response is sent. */
export interface Pace {
  /** A positive integer. */
  readonly bytesPerSecond: number
  /**
   * The most bytes to send at once: at the beginning, and after a pause of the client. A positive
   * integer. Default: what `bytesPerSecond` gives for a second.
   */
  readonly burst?: number | undefined
}

/**
 * Throws for a pace that nothing can be sent at.
 *
 * @throws TypeError or RangeError with a `code`
 */
export function validatePace(pace: Partial<Pace>): void {
  validateObject('pace', pace)
  const { bytesPerSecond, burst, ...others } = pace
  for (const name in others) {
    throw invalidArgument(
      'ERR_UNKNOWN_OPTION',
      `pace has no option ${JSON.stringify(name)}: it takes bytesPerSecond, burst`,
    )
  }
  validatePositive('pace.bytesPerSecond', bytesPerSecond)
  if (burst !== undefined) validatePositive('pace.burst', burst)
}
