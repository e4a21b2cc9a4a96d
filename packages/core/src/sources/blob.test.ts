import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBlob } from './blob.ts'
import { readRange } from './read-range.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))
const blob = new Blob([bytes.subarray(0, 300), bytes.subarray(300)], { type: 'video/mp4' })
const { signal } = new AbortController()

describe('fromBlob', () => {
  it('has the size and the type of the blob', () => {
    expect(fromBlob(blob)).toMatchObject({ length: 1000, type: 'video/mp4' })
    expect(fromBlob(new Blob(['a']))).not.toHaveProperty('type')
  })

  it('prefers the type of the metadata', () => {
    const source = fromBlob(blob, { type: 'audio/mp4', etag: '"v1"' })
    expect(source).toMatchObject({ type: 'audio/mp4', etag: '"v1"' })
  })

  it('ignores a length in the metadata', () => {
    const metadata = { length: 5, type: 'video/mp4' }
    expect(fromBlob(blob, metadata).length).toBe(1000)
  })

  it('reads the same bytes as a slice of an array', async () => {
    const position = fc.nat({ max: 999 })
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const range = { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
        const chunks: Uint8Array[] = []
        for await (const chunk of readRange(fromBlob(blob), range, signal)) chunks.push(chunk)
        expect(Buffer.concat(chunks)).toEqual(bytes.subarray(range.firstPos, range.lastPos + 1))
      }),
      { numRuns: 200 },
    )
  })

  it.each([['text'], [undefined], [null], [bytes], [{ size: 5 }]])('refuses %j', (value) => {
    expect(() => fromBlob(value as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
    )
  })

  it('refuses an etag without quotes', () => {
    expect(() => fromBlob(blob, { etag: 'v1' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ETAG' }),
    )
  })
})
