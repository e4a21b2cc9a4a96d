import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLocal, quickMs, ReadPolicy } from './read-policy.ts'

const ext4 = 0xef53
const nfs = 0x6969
const fuse = 0x65735546

/** A policy on a clock that the test moves. */
class Clock {
  now = 0
  disk = 0
  readonly policy: ReadPolicy = new ReadPolicy({
    now: () => this.now,
    typeOf: (path) => Promise.resolve(path === '/nfs' ? nfs : path === '/fuse' ? fuse : ext4),
    diskReads: () => this.disk,
  })

  /** Reads if the policy allows it, from the disk if it takes long; returns whether it did. */
  read(device: number, durationMs: number, isFromDisk: boolean = durationMs > quickMs): boolean {
    const startedAt = this.policy.begin(device)
    if (startedAt === undefined) return false
    this.now += durationMs
    if (isFromDisk) this.disk++
    this.policy.end(device, startedAt)
    return true
  }

  /** How long it takes until a device may be read again. */
  pause(device: number): number {
    const from = this.now
    while (this.policy.begin(device) === undefined) this.now += 10
    return this.now - from
  }
}

async function start(...devices: readonly (readonly [number, string])[]): Promise<Clock> {
  const clock = new Clock()
  for (const [device, path] of devices) await clock.policy.learn(device, path)
  return clock
}

describe('ReadPolicy', () => {
  it('reads synchronously for as long as reads are quick', async () => {
    const clock = await start([1, '/'])
    for (let i = 0; i < 10_000; i++) expect(clock.read(1, 0.03)).toBe(true)
  })

  it.each(['/nfs', '/fuse'])('never reads %s synchronously', async (path) => {
    const clock = await start([1, path])
    expect(clock.read(1, 0.03)).toBe(false)
  })

  it('never reads an unknown device synchronously', async () => {
    const clock = await start([1, '/'])
    expect(clock.read(2, 0.03)).toBe(false)
  })

  it('examines a file system again after a minute', async () => {
    const clock = await start([1, '/'])
    await clock.policy.learn(1, '/nfs')
    expect(clock.read(1, 0.03)).toBe(true)
    clock.now += 60_001
    await clock.policy.learn(1, '/nfs')
    expect(clock.read(1, 0.03)).toBe(false)
  })

  it.each([
    [quickMs, 0],
    [quickMs + 0.1, 1000],
    [5, 1000],
    [20, 1980], // a hundred times as long, reading included
    [30_000, 2_998_000],
  ])('after a read of %d ms, pauses for %d ms', async (durationMs, pauseMs) => {
    const clock = await start([1, '/'])
    clock.read(1, durationMs)
    expect(clock.pause(1)).toBeCloseTo(pauseMs, -1)
  })

  it('pauses other devices for no more than a hundred times a slow read', async () => {
    const clock = await start([1, '/'], [2, '/'])
    clock.read(1, 5)
    expect(clock.pause(2)).toBeCloseTo(500, -1)
  })

  it('does not pause because the process had to wait, within 1 % of the time', async () => {
    const clock = await start([1, '/'])
    clock.now += 1000
    expect(clock.read(1, 6, false)).toBe(true)
    expect(clock.pause(1)).toBe(0)
    expect(clock.read(1, 6, false)).toBe(true)
    expect(clock.pause(1)).toBeCloseTo(190, -1)
  })

  it('does not count the reads that were made in between', async () => {
    const clock = await start([1, '/'])
    clock.now += 2000
    clock.disk = 1000
    for (let i = 0; i < 128; i++) clock.read(1, 0.1)
    expect(clock.read(1, 6, false)).toBe(true)
    expect(clock.pause(1)).toBe(0)
  })

  it('saves up no more than 20 ms', async () => {
    const clock = await start([1, '/'])
    clock.now += 3_600_000
    expect(clock.read(1, 30, false)).toBe(true)
    expect(clock.pause(1)).toBeCloseTo(1000, -1)
  })

  it('doubles the pause with each slow read, up to an hour', async () => {
    const clock = await start([1, '/'])
    const pauses = Array.from({ length: 14 }, () => {
      clock.read(1, 5)
      return Math.round(clock.pause(1) / 1000)
    })
    expect(pauses.slice(0, 5)).toEqual([1, 2, 4, 8, 16])
    expect(pauses.at(-1)).toBe(3600)
  })

  it.each([
    [0, 8],
    [999, 8],
    [1000, 4],
    [2000, 2],
    [10_000, 1],
  ])('after %d quick reads, pauses for %d s', async (quickReads, pauseSeconds) => {
    const clock = await start([1, '/'])
    for (let i = 0; i < 3; i++) {
      clock.read(1, 5)
      clock.pause(1)
    }
    for (let i = 0; i < quickReads; i++) clock.read(1, 0.1)
    clock.read(1, 5)
    expect(Math.round(clock.pause(1) / 1000)).toBe(pauseSeconds)
  })

  it('loses at most 1 % of the time to slow reads, however the disks behave', async () => {
    const request = fc.record({
      device: fc.nat(3),
      isFromDisk: fc.boolean(),
      gapMs: fc.double({ min: 0, max: 5000, noNaN: true }),
      diskMs: fc.oneof(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 60_000, noNaN: true }),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 500 }), async (requests) => {
        const clock = await start([0, '/'], [1, '/'], [2, '/'], [3, '/'])
        let lostMs = 0
        for (const { device, gapMs, diskMs, isFromDisk } of requests) {
          clock.now += gapMs
          if (clock.read(device, diskMs, isFromDisk) && diskMs > quickMs) lostMs += diskMs
        }
        // The pause after the last slow read belongs to the time.
        let step = 1
        while ([0, 1, 2, 3].every((device) => clock.policy.begin(device) === undefined)) {
          clock.now += step
          step *= 1.1
        }
        expect(lostMs).toBeLessThanOrEqual(clock.now / 100 + 1e-6)
      }),
    )
  })
})

it.each([
  [ext4, process.platform === 'linux'],
  [nfs, false],
  [fuse, false],
  [0xff534d42, false], // CIFS
])('isLocal(%d) is %s', (type, expected) => {
  expect(isLocal(type)).toBe(expected)
})
