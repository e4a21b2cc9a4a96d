import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import {
  openDescriptors,
  pattern,
  temporaryFolder,
  until,
  writeOldFile,
} from '../../../../test/support/fixture.ts'
import { fromFile } from '../files/file.ts'
import { planResponse } from '../semantics/plan.ts'
import type { ByteRange } from '../semantics/range.ts'
import { fromBuffer } from './buffer.ts'
import { fromConcat } from './concat.ts'
import { readRange } from './read-range.ts'
import { fromReader, type Reader } from './reader.ts'
import type { Source } from './source.ts'
import { fromStream } from './stream.ts'

const bytes = pattern(1000)
const { signal } = new AbortController()
const folder = temporaryFolder()
const modified = new Date('2025-01-01T10:00:00Z')

/** A part of the bytes that records its reads and its close. */
function noted(from: number, to: number, more: Partial<Reader> = {}) {
  const reads: string[] = []
  const part = {
    length: to - from,
    reads,
    closed: 0,
    read: async ({ firstPos, lastPos }: ByteRange): Promise<Uint8Array> => {
      reads.push(`${firstPos}-${lastPos}`)
      return bytes.subarray(from + firstPos, from + lastPos + 1)
    },
    close: () => void part.closed++,
    ...more,
  }
  return part
}

describe('fromConcat', () => {
  it('is as long as its parts, and reads only those that a range touches', async () => {
    const parts = [noted(0, 100), noted(100, 100), noted(100, 400), noted(400, 1000)]
    const source = await fromConcat(parts)
    expect(source.length).toBe(1000)
    const range = { firstPos: 90, lastPos: 109 }
    expect(await collect(source, range.firstPos, range.lastPos)).toEqual(bytes.subarray(90, 110))
    expect(parts.map(({ reads }) => reads)).toEqual([['90-99'], [], ['0-9'], []])
    expect(await collect(source, 999, 999)).toEqual(bytes.subarray(999))
    expect(parts[3]!.reads).toEqual(['599-599'])
  })

  it('reads the slice of all parts joined, for any parts and any range', async () => {
    const cuts = fc.array(fc.nat(1000), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(cuts, fc.nat(999), fc.nat(999), async (places, a, b) => {
        const borders = [0, ...places.toSorted((x, y) => x - y), 1000]
        const parts = borders
          .slice(1)
          .map((border, i) =>
            i % 2 === 0
              ? bytes.subarray(borders[i], border)
              : fromReader({ ...noted(borders[i]!, border), maxRead: 7 }),
          )
        const source = await fromConcat(parts)
        const range = { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
        const expected = bytes.subarray(range.firstPos, range.lastPos + 1)
        expect((await collect(source, range.firstPos, range.lastPos)).equals(expected)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('is empty without parts', async () => {
    expect((await fromConcat([])).length).toBe(0)
  })

  it('reads files, which are open only while they are read', async () => {
    const names = ['one.bin', 'two.bin'].map((name) => path.join(folder, name))
    writeOldFile(names[0]!, bytes.subarray(0, 500), modified)
    writeOldFile(names[1]!, bytes.subarray(500), modified)
    const source = await fromConcat([...names.map((name) => fromFile(name)), new Blob(['end'])])
    const areClosed = () => names.every((name) => openDescriptors(name) === 0)
    await until('the files are closed', areClosed)
    const chunks = readRange(source, { firstPos: 400, lastPos: 1002 }, signal)
    expect((await chunks.next()).value).toEqual(bytes.subarray(400, 500))
    expect(openDescriptors(names[0]!)).toBe(1)
    expect(openDescriptors(names[1]!)).toBe(0)
    await chunks.return(undefined)
    await until('the files are closed', areClosed)
    const all = Buffer.concat([bytes, Buffer.from('end')])
    expect(await collect(source, 0, 1002)).toEqual(all)
  })

  it('fails if a file has changed since', async () => {
    const name = path.join(folder, 'changes.bin')
    writeOldFile(name, bytes, modified)
    const source = await fromConcat([fromFile(name), Buffer.from('end')])
    fs.writeFileSync(name, bytes)
    await expect(collect(source, 0, 9)).rejects.toMatchObject({
      code: 'ERR_SOURCE_CHANGED',
    })
  })

  it('fails if a part runs short, and cuts one that is too long', async () => {
    const short = { length: 100, read: async () => bytes.subarray(0, 99) }
    const long = { length: 100, read: async () => bytes }
    await expect(collect(await fromConcat([short, long]), 0, 199)).rejects.toMatchObject({
      code: 'ERR_SOURCE_TOO_SHORT',
    })
    const range = { firstPos: 0, lastPos: 199 }
    const twice = [bytes.subarray(0, 100), bytes.subarray(0, 100)]
    expect(await collect(await fromConcat([long, long]), range.firstPos, range.lastPos)).toEqual(
      Buffer.concat(twice),
    )
  })

  it('closes every part once, even if closing another one fails', async () => {
    const parts = [
      noted(0, 10, { close: () => Promise.reject(new Error('no')) }),
      noted(10, 20),
      noted(20, 30, {
        close: () => {
          throw new Error('no')
        },
      }),
      noted(30, 40),
    ]
    const source = await fromConcat(parts)
    await source.close?.()
    expect([parts[1]!.closed, parts[3]!.closed]).toEqual([1, 1])
  })

  it('closes the other parts if the promise of one rejects, or resolves to no part', async () => {
    const [one, two] = [noted(0, 10), noted(10, 20)]
    const missing = fromFile(path.join(folder, 'missing.bin'))
    await expect(fromConcat([one, missing])).rejects.toMatchObject({ code: 'ENOENT' })
    expect(one.closed).toBe(1)
    await expect(fromConcat([two, Promise.resolve(5 as unknown as Source)])).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
    expect(two.closed).toBe(1)
  })

  it('does not wait, on abort, for a part that hangs', async () => {
    const aborter = new AbortController()
    const hanging = { length: 5, read: () => new Promise<Uint8Array>(() => {}) }
    const source = await fromConcat([Buffer.from('x'), hanging])
    const left = collect(source, 0, 5, aborter.signal)
    setImmediate(() => aborter.abort(new Error('the client left')))
    await expect(left).rejects.toThrow('the client left')
  })

  it.each<[what: string, parts: unknown]>([
    ['something other than a list', noted(0, 10)],
    ['a path', ['/srv/clip.mp4']],
    ['a source without length', [{ read: () => bytes }]],
    ['a stream', [fs.createReadStream(import.meta.filename)]],
    ['a source that passes once', [fromStream(new Blob(['x']).stream(), { length: 1 })]],
  ])('throws at the call for %s', (_, parts) => {
    expect(() => fromConcat(parts as [])).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_INVALID_/) }),
    )
  })
})

describe('the validators of fromConcat', () => {
  const part = (etag?: string, lastModified?: Date): Source =>
    fromBuffer(bytes, { ...(etag && { etag }), ...(lastModified && { lastModified }) })
  const tagOf = async (...parts: Parameters<typeof fromConcat>[0][number][]) =>
    (await fromConcat(parts)).etag

  it('are strong if all tags are, weak with another text if one is weak, none if one is missing', async () => {
    const [strong, weak] = [await tagOf(part('"a"'), part('"b"')), await tagOf(part('W/"a"'), part('"b"'))] // prettier-ignore
    expect(strong).toMatch(/^"[\w-]+"$/)
    expect(weak).toMatch(/^W\/"[\w-]+"$/)
    expect(weak!.slice(2)).not.toBe(strong)
    expect(await tagOf(part('"a"'), part())).toBeUndefined()
  })

  it('reflect every change, the order and the lengths of the parts', async () => {
    const tags = [
      await tagOf(part('"a"'), part('"b"')),
      await tagOf(part('"b"'), part('"a"')),
      await tagOf(part('"a"'), part('"c"')),
      await tagOf(part('"a,b"'), part('"b"')),
      await tagOf(part('"a"'), part('"b"'), part('"b"')),
      await tagOf(part('"a"'), fromBuffer(bytes.subarray(1), { etag: '"b"' })),
      await tagOf(part('"a"'), bytes),
      await tagOf(part('"a"'), bytes.subarray(1)),
    ]
    expect(new Set(tags).size).toBe(tags.length)
    expect(await tagOf(part('"a"'), Buffer.from(bytes))).toBe(tags[6])
  })

  it('have the newest date if all have one, by which no download resumes', async () => {
    const newer = new Date('2025-02-01T10:00:00Z')
    const source = await fromConcat([part('"a"', newer), part('"b"', modified)])
    expect(source.lastModified).toEqual(newer)
    expect((await fromConcat([part('"a"', newer), part('"b"')])).lastModified).toBeUndefined()
    const resume = (validator: string) =>
      planResponse({ headers: { range: 'bytes=5-', 'if-range': validator } }, source).status
    expect(resume(newer.toUTCString())).toBe(200)
    expect(resume(source.etag!)).toBe(206)
  })

  it('and the type are replaced by what the caller states', async () => {
    const parts = [fromBuffer(bytes, { type: 'video/mp2t', etag: '"a"' }), bytes]
    expect(await fromConcat(parts)).toMatchObject({ type: 'video/mp2t' })
    const own = { type: 'video/mp4', etag: '"v1"', lastModified: modified }
    expect(await fromConcat(parts, own)).toMatchObject(own)
    const mixed = [...parts, fromBuffer(bytes, { type: 'audio/mpeg' })]
    expect((await fromConcat(mixed)).type).toBeUndefined()
  })
})
