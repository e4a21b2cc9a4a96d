import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { type ByteRange, fromFile, planResponse } from '@range-serve/core'
import { readRange } from '@range-serve/core/sources'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../test/support/collect.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../../test/support/fixture.ts'
import { fromZip, type ZipEntry } from './index.ts'

const { signal } = new AbortController()
const folder = temporaryFolder()
const modified = new Date('2025-01-01T10:00:00Z')

let count = 0

/** A source that records its reads; it has a tag of its own unless one is given. */
function noted(bytes: Uint8Array, etag = `"noted-${++count}"`) {
  const reads: string[] = []
  const source = {
    length: bytes.length,
    etag,
    reads,
    closed: 0,
    read: async ({ firstPos, lastPos }: ByteRange): Promise<Uint8Array> => {
      reads.push(`${firstPos}-${lastPos}`)
      return bytes.subarray(firstPos, lastPos + 1)
    },
    close: () => void source.closed++,
  }
  return source
}

describe('an archive', () => {
  it('is the same in any range as in full', async () => {
    const sizes = [0, 1, 70_000, 5, 20_000, 300]
    const entries = (): ZipEntry[] => [
      { name: 'empty/' },
      ...sizes.map((size, i) => ({ name: `f${i}.bin`, source: noted(pattern(size), `"${i}"`) })),
      { name: 'ä/☃.txt', source: Buffer.from('snow'), lastModified: modified },
    ]
    const all = await collect(await fromZip(entries()))
    const { length } = all
    await fc.assert(
      fc.asyncProperty(fc.nat(length - 1), fc.nat(length - 1), async (a, b) => {
        const range = { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
        const part = await collect(await fromZip(entries()), range.firstPos, range.lastPos)
        expect(part.equals(all.subarray(range.firstPos, range.lastPos + 1))).toBe(true)
      }),
      { numRuns: 100 },
    )
    // The archive ends with the records, most of which no random range is about.
    for (let at = length - 700; at < length; at += 7) {
      const range = { firstPos: at, lastPos: Math.min(at + 9, length - 1) }
      const part = await collect(await fromZip(entries()), range.firstPos, range.lastPos)
      expect(part.equals(all.subarray(range.firstPos, range.lastPos + 1))).toBe(true)
    }
  })

  it('has a data descriptor after each entry but those whose CRC-32 is given', async () => {
    const source = pattern(10)
    const [without, given] = [
      await fromZip([{ name: 'a', source }]),
      await fromZip([{ name: 'a', source, crc32: crc32(source) }]),
    ]
    expect(without.length - given.length).toBe(16)
    expect(without.etag).not.toBe(given.etag)
    const [one, other] = [await collect(without), await collect(given)]
    // The flags and the CRC-32 of the local header.
    expect([one.readUInt16LE(6), one.readUInt32LE(14)]).toEqual([0x808, 0])
    expect([other.readUInt16LE(6), other.readUInt32LE(14)]).toEqual([0x800, crc32(source)])
    expect(one.readUInt32LE(31 + 10)).toBe(0x08074b50)
    expect(other.readUInt32LE(31 + 10)).toBe(0x02014b50)
  })

  it('begins before any source has been read', async () => {
    const hanging = { length: 9, read: () => new Promise<Uint8Array>(() => {}) }
    const source = await fromZip([{ name: 'a', source: hanging }])
    const chunks = readRange(source, { firstPos: 0, lastPos: source.length - 1 }, signal)
    const { value } = await chunks.next()
    expect(Buffer.from(value!).readUInt32LE(0)).toBe(0x04034b50)
    void chunks.return(undefined)
  })

  it('closes its sources when it is closed, and the open ones if one fails', async () => {
    const [a, b] = [noted(pattern(5)), noted(pattern(5))]
    await (await fromZip([{ name: 'a', source: a }])).close?.()
    expect(a.closed).toBe(1)
    const missing = path.join(folder, 'missing')
    const names = 'abcdefghijkl'.split('')
    const entries = names.map((name) => ({ name, source: name === 'c' ? missing : b }))
    await expect(fromZip(entries)).rejects.toMatchObject({ code: 'ENOENT', status: 404 })
    expect(b.closed).toBe(names.length - 1)
  })
})

describe('the reads for an archive', () => {
  it('are one for each source, if the archive is read in full', async () => {
    const [a, b] = [noted(pattern(100_000)), noted(pattern(10))]
    await collect(
      await fromZip([
        { name: 'a', source: a },
        { name: 'b', source: b },
      ]),
    )
    expect([a.reads, b.reads]).toEqual([['0-99999'], ['0-9']])
  })

  it('are of the entries that a range touches, and of as little as a missing CRC-32 needs', async () => {
    const [a, b] = [noted(pattern(100_000)), noted(pattern(1000))]
    const source = await fromZip([
      { name: 'a', source: a },
      { name: 'b', source: b },
    ])
    // Within the data of the first entry: 31 bytes of header precede it.
    await collect(source, 31 + 500, 31 + 599)
    expect([a.reads, b.reads]).toEqual([['500-599'], []])
    // From its beginning, cut off; and then to the end, with its data descriptor.
    await collect(source, 0, 31 + 59_999)
    await collect(source, 31 + 60_000, 31 + 100_000 + 15)
    expect([a.reads.slice(1), b.reads]).toEqual([['0-59999', '60000-99999'], []])
    // The directory needs both: one is known.
    await collect(source, source.length - 100, source.length - 1)
    expect([a.reads.length, b.reads]).toEqual([3, ['0-999']])
  })

  it('are none for a CRC-32 that is known: given, or of a file, bytes, or a key with a tag', async () => {
    const file = path.join(folder, 'known.bin')
    writeOldFile(file, pattern(5000), modified)
    const read = (entry: ZipEntry) =>
      fromZip([entry]).then(async (source) => {
        const all = await collect(source, 0, source.length - 1)
        return all.readUInt32LE(all.length - 22 - 46 - entry.name.length + 16)
      })
    const tail = async (entry: ZipEntry) => {
      const source = await fromZip([entry])
      await collect(source, source.length - 60, source.length - 1)
    }
    const given = noted(pattern(10))
    await tail({ name: 'a', source: given, crc32: 5 })
    expect(given.reads).toEqual([])

    const first = noted(pattern(10), '"v1"')
    const second = noted(pattern(10), '"v1"')
    expect(await read({ name: 'a', source: first, key: 'bucket/a' })).toBe(crc32(pattern(10)))
    await tail({ name: 'b', source: second, key: 'bucket/a' })
    expect(second.reads).toEqual([])
    // The same tag of another resource, and a weak one, say nothing.
    const other = noted(Buffer.alloc(10), '"v1"')
    expect(await read({ name: 'a', source: other })).toBe(crc32(Buffer.alloc(10)))
    const another = noted(Buffer.alloc(10, 1), '"v1"')
    expect(await read({ name: 'a', source: another, key: 'bucket/b' })).toBe(
      crc32(Buffer.alloc(10, 1)),
    )
    const weak = () => noted(Buffer.alloc(10, 2), 'W/"v1"')
    await read({ name: 'a', source: weak(), key: 'bucket/c' })
    const again = weak()
    await tail({ name: 'a', source: again, key: 'bucket/c' })
    expect(again.reads).toEqual(['0-9'])
  })

  it('distinguish two files of one size and one mtime', async () => {
    const crcs = []
    for (const fill of [1, 2]) {
      const file = path.join(folder, `same-${fill}.bin`)
      writeOldFile(file, Buffer.alloc(1000, fill), modified)
      const all = await collect(await fromZip([{ name: 'same.bin', source: file }]))
      crcs.push(all.readUInt32LE(all.length - 22 - 46 - 8 - 9 + 16))
    }
    expect(crcs).toEqual([crc32(Buffer.alloc(1000, 1)), crc32(Buffer.alloc(1000, 2))])
  })

  it('fail if a file has changed since', async () => {
    const file = path.join(folder, 'changes.bin')
    writeOldFile(file, pattern(1000), modified)
    const source = await fromZip([{ name: 'a', source: file }])
    fs.writeFileSync(file, pattern(1000))
    await expect(collect(source)).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED' })
  })
})

describe('the validators of an archive', () => {
  const tagOf = async (...entries: ZipEntry[]) => (await fromZip(entries)).etag
  const source = noted(pattern(10), '"a"')

  it('reflect names, dates, order and content', async () => {
    const tags = [
      await tagOf({ name: 'a', source }),
      await tagOf({ name: 'b', source }),
      await tagOf({ name: 'a', source, lastModified: modified }),
      await tagOf({ name: 'a', source }, { name: 'b', source }),
      await tagOf({ name: 'b', source }, { name: 'a', source }),
      await tagOf({ name: 'a', source }, { name: 'b/' }),
      await tagOf({ name: 'a', source: noted(pattern(10), '"b"') }),
      await tagOf({ name: 'a', source: pattern(10) }),
    ]
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]+"$/)
    expect(new Set(tags).size).toBe(tags.length)
    expect(await tagOf({ name: 'a', source: noted(pattern(10), '"a"') })).toBe(tags[0])
  })

  it('are weak or missing as those of the sources are', async () => {
    expect(await tagOf({ name: 'a', source: noted(pattern(1), 'W/"a"') })).toMatch(/^W\//)
    expect(await tagOf({ name: 'a', source: new Blob(['x']) })).toBeUndefined()
  })

  it('resume by the tag and not by the date, which a new name does not change', async () => {
    const file = path.join(folder, 'dated.bin')
    writeOldFile(file, pattern(1000), modified)
    const archive = await fromZip([{ name: 'a', source: fromFile(file) }])
    expect(archive).toMatchObject({ type: 'application/zip', lastModified: modified })
    const resume = (validator: string) =>
      planResponse({ headers: { range: 'bytes=5-', 'if-range': validator } }, archive).status
    expect([resume(archive.etag!), resume(modified.toUTCString())]).toEqual([206, 200])
  })
})

describe('an entry is refused at the call', () => {
  const source = pattern(5)
  it.each<[what: string, entries: unknown]>([
    ['with a name that occurs twice', [{ name: 'a', source }, { name: 'a', source }]], // prettier-ignore
    ['for a file that has the path of a folder', [{ name: 'a/' }, { name: 'a', source }]],
    ['with an absolute path', [{ name: '/etc/passwd', source }]],
    ['with a drive', [{ name: 'c:/a', source }]],
    ['with ..', [{ name: 'a/../../b', source }]],
    ['with a backslash', [{ name: '..\\b', source }]],
    ['with a NUL', [{ name: 'a\0b', source }]],
    ['with an empty component', [{ name: 'a//b', source }]],
    ['with a dot', [{ name: './b', source }]],
    ['with a lone surrogate', [{ name: 'a\ud800', source }]],
    ['with a name that is too long', [{ name: 'ä'.repeat(32_768), source }]],
    ['without a name', [{ source }]],
    ['without a source', [{ name: 'a' }]],
    ['that is a folder with a source', [{ name: 'a/', source }]],
    ['of a stream', [{ name: 'a', source: fs.createReadStream(import.meta.filename) }]],
    ['with an invalid date', [{ name: 'a', source, lastModified: new Date(Number.NaN) }]],
    ['that is not in a list', { name: 'a', source }],
  ])('%s', (_, entries) => {
    expect(() => fromZip(entries as [])).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
    )
  })

  it('with an invalid CRC-32', () => {
    expect(() => fromZip([{ name: 'a', source, crc32: -1 }])).toThrow(RangeError)
  })
})
