import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DevicePolicy, quickMs } from './read-policy.ts'

/** A clock, a disk and a policy: each request reads, in the way that the policy allows. */
function simulate(requests: readonly { readonly gapMs: number; readonly diskMs: number }[]) {
  const policy = new DevicePolicy()
  let now = 0
  let lostMs = 0
  let syncReads = 0
  for (const { gapMs, diskMs } of requests) {
    now += gapMs
    if (!policy.allowsSync(now)) continue
    const startedAt = now
    now += diskMs
    policy.note(startedAt, now)
    syncReads++
    if (diskMs > quickMs) lostMs += diskMs
  }
  return { policy, now, lostMs, syncReads }
}

const repeat = (count: number, gapMs: number, diskMs: number) =>
  Array.from({ length: count }, () => ({ gapMs, diskMs }))

describe('DevicePolicy', () => {
  it('reads synchronously for as long as reads are quick', () => {
    expect(simulate(repeat(10_000, 0.1, 0.03)).syncReads).toBe(10_000)
  })

  it.each([
    [1.5, 1000],
    [5, 1000],
    [20, 2000], // a hundred times as long
    [30_000, 3_000_000],
  ])('reads asynchronously after a read of %d ms, for %d ms', (diskMs, pauseMs) => {
    const { policy, now } = simulate(repeat(1, 0, diskMs))
    expect(policy.allowsSync(now + pauseMs - 0.1)).toBe(false)
    expect(policy.allowsSync(now + pauseMs)).toBe(true)
  })

  it('doubles the pause with each slow read, up to an hour', () => {
    const policy = new DevicePolicy()
    let now = 0
    const pauses: number[] = []
    for (let i = 0; i < 15; i++) {
      policy.note(now, now + 5)
      const from = now + 5
      for (now = from; !policy.allowsSync(now);) now += 500
      pauses.push((now - from) / 1000)
    }
    expect(pauses.slice(0, 5)).toEqual([1, 2, 4, 8, 16])
    expect(pauses.at(-1)).toBe(3600)
  })

  it('halves the pause after a thousand quick reads', () => {
    const policy = new DevicePolicy()
    for (let i = 0; i < 3; i++) policy.note(0, 5)
    const pauseAfter = (quickReads: number) => {
      for (let i = 0; i < quickReads; i++) policy.note(100_000, 100_000.1)
      policy.note(100_000, 100_005)
      let now = 100_005
      while (!policy.allowsSync(now)) now += 500
      return (now - 100_005) / 1000
    }
    expect(pauseAfter(0)).toBe(8)
    expect(pauseAfter(1000)).toBe(8)
    expect(pauseAfter(2000)).toBe(4)
  })

  it('loses at most 1 % of the time to slow reads, however the disk behaves', () => {
    const request = fc.record({
      gapMs: fc.double({ min: 0, max: 5000, noNaN: true }),
      diskMs: fc.oneof(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 60_000, noNaN: true }),
      ),
    })
    fc.assert(
      fc.property(fc.array(request, { maxLength: 500 }), (requests) => {
        const { policy, now, lostMs } = simulate(requests)
        // The pause after the last slow read belongs to the time.
        let end = now
        for (let step = 1; !policy.allowsSync(end); step *= 1.1) end += step
        expect(lostMs).toBeLessThanOrEqual(end / 100 + 1e-6)
      }),
    )
  })
})
