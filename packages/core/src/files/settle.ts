// When a file is certain to have changed its stats with every later change of its content.

import type fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * How long a change can hide behind the ctime of the one before it. Kernels take timestamps from a
 * clock that ticks every 1 to 10 ms.
 */
const settlingMs = 20
/** The same for file systems that store whole seconds; FAT stores even seconds only. */
const coarseSettlingMs = 2000

/** The result of examining an open file. */
export interface Settled {
  readonly stats: fs.BigIntStats
  /** `false`: the file is being written, and its content may change without its stats. */
  readonly isSettled: boolean
  /** Whether time has passed since the file was opened, so that its path may lead elsewhere. */
  readonly hasWaited: boolean
}

/**
 * Examines an open file, and again after the rest of 20 ms if its ctime is younger.
 *
 * The ctime counts, since no program can set it. If it lies in the future, because the clock of a
 * file server runs ahead or this one was set back, the second examination alone decides, so that no
 * file stays unsettled.
 *
 * @param look an `fstat` of the open file
 */
export async function settle(
  look: () => fs.BigIntStats | Promise<fs.BigIntStats>,
): Promise<Settled> {
  // Taken before the `fstat`: a file that is old enough by then has settled when it is examined.
  const now = Date.now()
  const stats = await look()
  const ageMs = now - Number(stats.ctimeNs / 1_000_000n)
  if (stats.ctimeNs % 1_000_000_000n === 0n) {
    return { stats, isSettled: Math.abs(ageMs) > coarseSettlingMs, hasWaited: false }
  }
  if (ageMs > settlingMs || !stats.isFile()) return { stats, isSettled: true, hasWaited: false }
  // A timer may fire a millisecond early.
  await sleep(Math.min(settlingMs - ageMs, settlingMs) + 1)
  const again = await look()
  return { stats: again, isSettled: isUnchanged(stats, again), hasWaited: true }
}

/** Whether two results of `fstat` are of one state of a file. */
export function isUnchanged(before: fs.BigIntStats, after: fs.BigIntStats): boolean {
  return (
    before.ctimeNs === after.ctimeNs &&
    before.mtimeNs === after.mtimeNs &&
    before.size === after.size
  )
}
