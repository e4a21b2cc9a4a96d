import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLocal, quickMs, ReadPolicy } from './read-policy.ts'

const ext4 = 0xef53
const nfs = 0x6969
const fuse = 0x65735546

/**
 * What a read does for as long as it takes: waits for the disk, waits for another thread's read, works
 * (decompresses, say), or has to wait for its core.
 */
type Kind = 'disk' | 'wait' | 'cache' | 'preempted'
const kinds: readonly Kind[] = ['disk', 'wait', 'cache', 'preempted']

/** A policy on a clock that the test moves. */
class Clock {
  now = 0
  disk = 0
  waits = 1
  workMs = 0
  /** How often the policy has asked for them. */
  looks = 0
  readonly policy: ReadPolicy = new ReadPolicy({
    now: () => this.now,
    typeOf: (path) => Promise.resolve(path === '/nfs' ? nfs : path === '/fuse' ? fuse : ext4),
    usage: () => {
      this.looks++
      return {
        fsRead: this.disk,
        voluntaryContextSwitches: this.waits,
        userCPUTime: this.workMs * 300,
        systemCPUTime: this.workMs * 700,
      }
    },
  })

  /** Reads if the policy allows it, from the disk if it takes long; returns whether it did. */
  read(device: number, durationMs: number, kind: Kind = durationMs > quickMs ? 'disk' : 'cache') {
    const startedAt = this.policy.begin(device)
    if (startedAt === undefined) return false
    this.now += durationMs
    if (kind === 'disk') this.disk++
    if (kind === 'disk' || kind === 'wait') this.waits++
    this.workMs += kind === 'cache' ? durationMs : Math.min(durationMs, 0.03)
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

  it.each<[Kind, number]>([
    ['wait', 190],
    ['cache', 190],
    ['preempted', 0],
  ])('after two reads of 6 ms in a second (%s), pauses for %d ms', async (kind, pauseMs) => {
    const clock = await start([1, '/'])
    clock.now += 1000
    expect(clock.read(1, 6, kind)).toBe(true)
    expect(clock.pause(1)).toBe(0)
    expect(clock.read(1, 6, kind)).toBe(true)
    expect(clock.pause(1)).toBeCloseTo(pauseMs, -1)
  })

  it('does not pause because another process has the core most of the time', async () => {
    const clock = await start([1, '/'])
    for (let i = 0; i < 10_000; i++) {
      expect(clock.read(1, i % 2 === 0 ? 4 : 0.03, i % 2 === 0 ? 'preempted' : 'cache')).toBe(true)
    }
  })

  it('takes any slow read for a wait where the kernel does not count waits', async () => {
    const clock = await start([1, '/'])
    clock.waits = 0
    clock.now += 1000
    clock.read(1, 12, 'preempted')
    expect(clock.pause(1)).toBeCloseTo(190, -1)
  })

  it('does not count what other threads did between two reads', async () => {
    const clock = await start([1, '/'])
    clock.now += 2000
    for (let i = 0; i < 128; i++) {
      clock.disk++
      clock.waits++
      clock.workMs += 10
      expect(clock.read(1, 6, 'preempted')).toBe(true)
    }
    expect(clock.pause(1)).toBe(0)
  })

  it('asks what the process has used for a thousand reads after a slow one', async () => {
    const clock = await start([1, '/'])
    const looksOf = (reads: number) => {
      const before = clock.looks
      for (let i = 0; i < reads; i++) clock.read(1, 0.03)
      return clock.looks - before
    }
    expect(looksOf(1000)).toBe(1000)
    expect(looksOf(3000)).toBe(0)
    // A slow one of which nothing is known counts.
    clock.read(1, 4, 'preempted')
    expect(clock.pause(1)).toBeGreaterThan(0)
    expect(clock.read(1, 4, 'preempted')).toBe(true)
    expect(clock.pause(1)).toBe(0)
    expect(looksOf(4096)).toBeLessThanOrEqual(1001)
  })

  it('saves up no more than 20 ms', async () => {
    const clock = await start([1, '/'])
    clock.now += 3_600_000
    expect(clock.read(1, 30, 'wait')).toBe(true)
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
      kind: fc.constantFrom(...kinds),
      quickReads: fc.oneof(fc.constant(0), fc.nat(1500)),
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
        for (const { device, gapMs, diskMs, kind, quickReads } of requests) {
          clock.now += gapMs
          for (let i = 0; i < quickReads; i++) clock.read(device, 0.03)
          if (clock.read(device, diskMs, kind) && diskMs > quickMs && kind !== 'preempted') {
            lostMs += diskMs
          }
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
