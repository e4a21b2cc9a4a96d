import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pace } from '../pace.ts'
import { Pacer } from './pacer.ts'

/** A clock that only waiting, or the test, moves. */
class TestClock {
  time = 1000
  now() {
    return this.time
  }
  async wait(milliseconds: number) {
    this.time += milliseconds
  }
}

/** When each piece of content goes out, in milliseconds, and how much has gone out by then. */
async function send(pace: Pace, length: number, clock = new TestClock()) {
  const pacer = new Pacer(pace, clock)
  const start = clock.time
  const sent: { at: number; total: number }[] = []
  for (let total = 0; total < length;) {
    const piece = Math.min(pacer.maxPiece, length - total)
    total += piece
    sent.push({ at: clock.time - start, total })
    await pacer.pass(piece)
  }
  return sent
}

describe('a pacer', () => {
  it.each<[pace: Pace, length: number]>([
    [{ bytesPerSecond: 100_000, burst: 10_000 }, 1_000_000],
    [{ bytesPerSecond: 1_000_000 }, 50_000_000],
    [{ bytesPerSecond: 50_000_000, burst: 1 << 20 }, 1_000_000_000],
    [{ bytesPerSecond: 3, burst: 1 }, 50],
  ])('lets %j pass within 10 % of the pace', async (pace, length) => {
    const { bytesPerSecond, burst = bytesPerSecond } = pace
    const { at } = (await send(pace, length)).at(-1)!
    const expectedMs = ((length - burst) / bytesPerSecond) * 1000
    expect(Math.abs(at / expectedMs - 1)).toBeLessThan(0.1)
  })

  it('never lets more pass than the burst and the pace give, however the client pauses', async () => {
    const rate = fc.integer({ min: 1, max: 1_000_000 })
    const pauses = fc.array(fc.nat(5000), { minLength: 1, maxLength: 50 })
    await fc.assert(
      fc.asyncProperty(rate, rate, pauses, async (bytesPerSecond, burst, waits) => {
        const clock = new TestClock()
        const pacer = new Pacer({ bytesPerSecond, burst }, clock)
        const sent: { at: number; length: number }[] = []
        for (const wait of waits) {
          sent.push({ at: clock.time, length: pacer.maxPiece })
          await pacer.pass(pacer.maxPiece)
          clock.time += wait % 3 === 0 ? wait : 0
        }
        // From any moment to any later one.
        for (const [i, { at }] of sent.entries()) {
          let total = 0
          for (const later of sent.slice(i)) {
            total += later.length
            const allowed = burst + ((later.at - at) * bytesPerSecond) / 1000
            expect(total).toBeLessThanOrEqual(allowed * (1 + 1e-9) + 1e-6)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('makes pieces that are no larger than the burst, 64 KiB or a tenth of a second', () => {
    const pieceOf = (bytesPerSecond: number, burst?: number) =>
      new Pacer({ bytesPerSecond, ...(burst !== undefined && { burst }) }).maxPiece
    expect(pieceOf(1_000_000_000)).toBe(65_536)
    expect(pieceOf(1_000_000_000, 100)).toBe(100)
    expect(pieceOf(100_000)).toBe(10_000)
    expect(pieceOf(1)).toBe(1)
  })
})
