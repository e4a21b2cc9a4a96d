import type fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { settle } from './settle.ts'

const now = Date.UTC(2026, 0, 1)
const nowNs = BigInt(now) * 1_000_000n

type Look = Partial<Pick<fs.BigIntStats, 'ctimeNs' | 'mtimeNs' | 'size'>>

function statsOf(look: Look): fs.BigIntStats {
  const { ctimeNs = nowNs, mtimeNs = ctimeNs, size = 10n } = look
  return { ctimeNs, mtimeNs, size, isFile: () => true } as fs.BigIntStats
}

beforeEach(() => {
  // The clock stands still: only the stats of the file count, not the time that passes.
  vi.useFakeTimers({ toFake: ['Date'], now })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A ctime so many milliseconds ago, between two of them. */
const ago = (ms: number) => nowNs - BigInt(ms) * 1_000_000n + 123n

describe('settle', () => {
  it.each<[what: string, looks: Look[], isSettled: boolean]>([
    ['an old file at the first look', [{ ctimeNs: ago(21) }], true],
    ['a young file at the second look', [{ ctimeNs: ago(5) }, { ctimeNs: ago(5) }], true],
    ['a file of this millisecond', [{ ctimeNs: ago(0) }, { ctimeNs: ago(0) }], true],
    [
      'an old mtime with a young ctime',
      [
        { ctimeNs: ago(5), mtimeNs: 1n },
        { ctimeNs: ago(5), mtimeNs: 1n },
      ],
      true,
    ],
    ['a ctime an hour ahead', [{ ctimeNs: ago(-3_600_000) }, { ctimeNs: ago(-3_600_000) }], true],
    ['a mtime ahead with an old ctime', [{ ctimeNs: ago(5000), mtimeNs: ago(-5000) }], true],
    ['a file that is written again', [{ ctimeNs: ago(5) }, { ctimeNs: ago(-5) }], false],
    [
      'a file that grows within one tick',
      [{ ctimeNs: ago(5) }, { ctimeNs: ago(5), size: 11n }],
      false,
    ],
    ['a ctime ahead that moves on', [{ ctimeNs: ago(-5000) }, { ctimeNs: ago(-5010) }], false],
    ['whole seconds, two seconds ago', [{ ctimeNs: nowNs - 2_000_000_000n }], false],
    ['whole seconds, this second', [{ ctimeNs: nowNs }], false],
    ['whole seconds, three seconds ago', [{ ctimeNs: nowNs - 3_000_000_000n }], true],
    ['whole seconds, an hour ahead', [{ ctimeNs: nowNs + 3_600_000_000_000n }], true],
  ])('takes %s', async (_, looks, isSettled) => {
    const look = vi.fn<() => Promise<fs.BigIntStats>>()
    for (const each of looks) look.mockResolvedValueOnce(statsOf(each))
    const settled = await settle(look)
    expect(settled.isSettled).toBe(isSettled)
    expect(settled.stats).toMatchObject(looks.at(-1)!)
    expect(settled.hasWaited).toBe(looks.length === 2)
    expect(look).toHaveBeenCalledTimes(looks.length)
  })

  it('rejects if the file cannot be examined again', async () => {
    const look = vi
      .fn<() => Promise<fs.BigIntStats>>()
      .mockResolvedValueOnce(statsOf({ ctimeNs: ago(1) }))
      .mockRejectedValueOnce(new Error('EIO'))
    await expect(settle(look)).rejects.toThrow('EIO')
  })
})
