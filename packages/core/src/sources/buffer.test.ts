import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBuffer } from './buffer.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251)
const { signal } = new AbortController()

describe('fromBuffer', () => {
  it('has the length of the bytes, and the metadata', () => {
    const lastModified = new Date()
    const metadata = { type: 'video/mp4', etag: '"v1"', lastModified }
    expect(fromBuffer(bytes, metadata)).toMatchObject({ length: 1000, ...metadata })
    const plain = fromBuffer(bytes)
    expect([plain.type, plain.etag, plain.lastModified]).toEqual([undefined, undefined, undefined])
  })

  it('ignores a length in the metadata', () => {
    const metadata = { length: 5, type: 'video/mp4' }
    expect(fromBuffer(bytes, metadata).length).toBe(1000)
  })

  it('reads the same bytes as a slice of an array', async () => {
    const position = fc.nat({ max: 999 })
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const range = { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
        const read = await fromBuffer(bytes).read(range, { signal })
        expect(read).toEqual(bytes.slice(range.firstPos, range.lastPos + 1))
      }),
      { numRuns: 500 },
    )
  })

  it('respects the offset of the bytes in their memory', async () => {
    const view = bytes.subarray(100, 200)
    const source = fromBuffer(view)
    expect(source.length).toBe(100)
    expect(await source.read({ firstPos: 0, lastPos: 4 }, { signal })).toEqual(
      bytes.slice(100, 105),
    )
  })

  it('copies nothing', async () => {
    const read = await fromBuffer(bytes).read({ firstPos: 5, lastPos: 9 }, { signal })
    expect((read as Uint8Array).buffer).toBe(bytes.buffer)
  })

  it('serves an empty array', () => {
    expect(fromBuffer(new Uint8Array(0)).length).toBe(0)
  })

  it.each([['text'], [undefined], [null], [[1, 2]], [new ArrayBuffer(3)], [new Uint16Array(3)]])(
    'refuses %j',
    (value) => {
      expect(() => fromBuffer(value as never)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
      )
    },
  )

  it.each<[metadata: object, code: string]>([
    [{ etag: 'v1' }, 'ERR_INVALID_ETAG'], // its quotes belong to it, §8.8.3
    [{ etag: '"v1"\r\nX: y' }, 'ERR_INVALID_ETAG'],
    [{ etag: 5 }, 'ERR_INVALID_ETAG'],
    [{ type: 'a/b\r\nX: y' }, 'ERR_INVALID_FIELD'], // §5.5
    [{ type: 'a/\u0100' }, 'ERR_INVALID_FIELD'],
    [{ type: 5 }, 'ERR_INVALID_FIELD'],
    [{ lastModified: new Date(NaN) }, 'ERR_INVALID_ARGUMENT'],
    [{ lastModified: '2026-11-23' }, 'ERR_INVALID_ARGUMENT'],
  ])('refuses %j', (metadata, code) => {
    expect(() => fromBuffer(bytes, metadata)).toThrow(
      expect.objectContaining({ name: 'TypeError', code }),
    )
  })
})
