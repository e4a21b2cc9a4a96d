import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseEntityTags, strongCompare, weakCompare } from '../semantics/entity-tag.ts'
import { fromFile } from './file.ts'
import { isSameVersion, versionOf } from './validators.ts'

const second = 1_000_000_000n
const npm = BigInt(Date.UTC(1985, 9, 26, 8, 15)) * 1_000_000n

function statsOf(given: Partial<fs.BigIntStats>): fs.BigIntStats {
  const { mtimeNs = 1_700_000_000n * second, ctimeNs = mtimeNs } = given
  const date = (ns: bigint) => new Date(Number(ns / 1_000_000n))
  const dates = { mtime: date(mtimeNs), ctime: date(ctimeNs), birthtime: date(ctimeNs) }
  return { size: 10n, ino: 5n, mtimeNs, ctimeNs, ...dates, ...given } as fs.BigIntStats
}

describe('versionOf', () => {
  const ordinary = statsOf({})
  const changed: [what: string, stats: fs.BigIntStats, strong: boolean, meaningless: boolean][] = [
    ['the size', statsOf({ size: 11n }), true, true],
    [
      'the mtime by a nanosecond',
      statsOf({ mtimeNs: ordinary.mtimeNs + 1n, ctimeNs: ordinary.ctimeNs }),
      true,
      false,
    ],
    ['the ctime', statsOf({ ctimeNs: ordinary.ctimeNs + 1n }), false, true],
    ['the inode', statsOf({ ino: 6n }), false, true],
  ]

  it.each(changed)('distinguishes versions by %s', (_, stats, strong, meaningless) => {
    expect(versionOf(stats, true).etag !== versionOf(ordinary, true).etag).toBe(strong)
    const old = { mtimeNs: npm }
    const { ctimeNs, ino, size } = stats
    const [one, other] = [
      statsOf({ ...old, ctimeNs: ordinary.ctimeNs }),
      statsOf({ ...old, ctimeNs, ino, size }),
    ]
    expect(versionOf(one, true).etag !== versionOf(other, true).etag).toBe(meaningless)
  })

  it.each<[mtimeNs: bigint, isDated: boolean]>([
    [-second, false],
    [0n, false],
    [second, false], // Nix
    [315_532_800n * second, false], // 1980, ZIP
    [npm, false],
    [npm + 1n, true],
    [4_000_000_000n * second, true],
  ])('of an mtime of %i gives a Last-Modified: %s', (mtimeNs, isDated) => {
    const { lastModified, etag } = versionOf(statsOf({ mtimeNs, ctimeNs: second }), true)
    expect(lastModified !== undefined).toBe(isDated)
    expect(parseEntityTags(etag)).toHaveLength(1)
  })

  it.each([ordinary.mtimeNs, second])(
    'never has the opaque text of one tag in the other: %i',
    (mtimeNs) => {
      const stats = statsOf({ mtimeNs, ctimeNs: ordinary.ctimeNs })
      const [strong, weak] = [versionOf(stats, true).etag, versionOf(stats, false).etag]
      expect(strongCompare(strong, strong)).toBe(true)
      expect(strongCompare(weak, weak)).toBe(false)
      expect(weakCompare(strong, weak)).toBe(false)
    },
  )

  it('passes the members of fs.Stats to an etag function', () => {
    const { stats } = versionOf(statsOf({ size: 12n, ino: 7n }), true)
    expect(stats).toMatchObject({ size: 12, ino: 7, mtimeNs: ordinary.mtimeNs })
    for (const name of ['mtime', 'ctime', 'birthtime'] as const)
      expect(stats[name]).toBeInstanceOf(Date)
  })
})

describe('isSameVersion', () => {
  it.each<[what: string, other: Partial<fs.BigIntStats>, mtimeNs: bigint, expected: boolean]>([
    ['itself', {}, npm + 1n, true],
    ['a copy with its mtime', { ctimeNs: 1n }, npm + 1n, true],
    ['a copy with its meaningless mtime', { ctimeNs: 1n }, npm, false],
    ['another size', { size: 11n }, npm + 1n, false],
  ])('of a file and %s', (_, other, mtimeNs, expected) => {
    const given = { mtimeNs, ctimeNs: 2n }
    expect(isSameVersion(statsOf(given), statsOf({ ...given, ...other }))).toBe(expected)
  })
})

describe('the entity-tag of a file', () => {
  let folder: string
  let file: string

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'validators-'))
    file = path.join(folder, 'clip.mp4')
    fs.writeFileSync(file, 'content')
  })

  afterEach(() => fs.rmSync(folder, { recursive: true }))

  async function etagOf(target: string): Promise<string> {
    const source = await fromFile(target)
    await source.close?.()
    const handle = await fs.promises.open(target)
    expect((await fromFile(handle)).etag).toBe(source.etag)
    await handle.close()
    return source.etag!
  }

  it('is strong at once, whatever the mtime, and stays the same', async () => {
    for (const seconds of [undefined, 1, 1_700_000_000.123, Date.now() / 1000 + 3600]) {
      if (seconds !== undefined) fs.utimesSync(file, seconds, seconds)
      const etag = await etagOf(file)
      expect(etag).toMatch(/^"/)
      expect(await etagOf(file)).toBe(etag)
    }
  })

  it('is the same for every copy, and another for another size, or a moment later', async () => {
    const copy = path.join(folder, 'copy.mp4')
    fs.copyFileSync(file, copy)
    fs.utimesSync(file, 1e9 + 0.123, 1e9 + 0.123)
    fs.utimesSync(copy, 1e9 + 0.123, 1e9 + 0.123)
    const etag = await etagOf(file)
    expect(await etagOf(copy)).toBe(etag)
    fs.utimesSync(copy, 1e9 + 0.124, 1e9 + 0.124)
    expect(await etagOf(copy)).not.toBe(etag)
    fs.appendFileSync(copy, '!')
    fs.utimesSync(copy, 1e9 + 0.123, 1e9 + 0.123)
    expect(await etagOf(copy)).not.toBe(etag)
  })

  it.runIf(process.platform === 'linux')('distinguishes nanoseconds', async () => {
    // Node cannot set them; touch can.
    const etags: string[] = []
    for (const moment of ['1000000000.000000001', '1000000000.000000002']) {
      execFileSync('touch', ['-d', `@${moment}`, file])
      etags.push(await etagOf(file))
    }
    expect(new Set(etags).size).toBe(
      fs.statSync(file, { bigint: true }).mtimeNs % 10n === 2n ? 2 : 1,
    )
  })
})
