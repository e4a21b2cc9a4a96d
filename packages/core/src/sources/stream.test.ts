import { once } from 'node:events'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { ByteStream, DirectSource } from './source.ts'
import { fromStream } from './stream.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))

describe('fromStream, of a stream', () => {
  const streams: [what: string, open: (size: number) => ByteStream][] = [
    ['a generator', (size) => pieces(size)],
    ['a Readable', (size) => Readable.from(pieces(size))],
    ['a web stream', (size) => ReadableStream.from(pieces(size)) as ByteStream],
  ]

  it.each(streams)('reads ascending ranges of %s, which can be read once', async (_, open) => {
    const source = fromStream(open(64), { length: 1000, type: 'video/mp4', etag: '"v1"' })
    expect(source).toMatchObject({ length: 1000, type: 'video/mp4', etag: '"v1"', seekable: false })
    expect(await collect(source, 5, 9)).toEqual(bytes.subarray(5, 10))
    expect(await collect(source, 10, 10)).toEqual(bytes.subarray(10, 11)) // in the same chunk
    expect(await collect(source, 60, 200)).toEqual(bytes.subarray(60, 201))
    expect(await collect(source, 999, 999)).toEqual(bytes.subarray(999))
    await source.close?.()
  })

  it('yields the slices, whatever the ranges and the chunks of the stream', async () => {
    const positions = fc.uniqueArray(fc.nat({ max: 999 }), { minLength: 2, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(positions, fc.integer({ min: 1, max: 400 }), async (unordered, size) => {
        const ascending = unordered.toSorted((a, b) => a - b)
        const source = fromStream(pieces(size), { length: 1000 })
        for (let index = 0; index + 1 < ascending.length; index += 2) {
          const [first, last] = [ascending[index]!, ascending[index + 1]!]
          expect(await collect(source, first, last)).toEqual(bytes.subarray(first, last + 1))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('reads no more chunks than it must', async () => {
    let taken = 0
    const counted = async function* () {
      for await (const chunk of pieces(100)) {
        taken++
        yield chunk
      }
    }
    const source = fromStream(counted(), { length: 1000 })
    expect(taken).toBe(0)
    await collect(source, 150, 199)
    expect(taken).toBe(2)
    await collect(source, 200, 200)
    expect(taken).toBe(3)
  })

  it('destroys the stream when it is closed, read from or not', async () => {
    for (const read of [true, false]) {
      const stream = Readable.from(pieces(10))
      const source = fromStream(stream, { length: 1000 })
      if (read) await collect(source, 0, 4)
      expect(stream.destroyed).toBe(false)
      await source.close?.()
      await once(stream, 'close')
      await source.close?.()
    }
  })

  it('cancels a web stream when it is closed', async () => {
    let cancelled = false
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes.subarray(0, 10)),
      cancel: () => {
        cancelled = true
      },
    })
    const source = fromStream(stream as unknown as ByteStream, { length: 1000 })
    await collect(source, 0, 4)
    await source.close?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(cancelled).toBe(true)
  })

  it('refuses to go back, or to be read once it is closed', async () => {
    const source = fromStream(pieces(100), { length: 1000 })
    await collect(source, 0, 9)
    await expect(collect(source, 9, 9)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' })
    expect(await collect(source, 10, 10)).toEqual(bytes.subarray(10, 11))
    await source.close?.()
    await expect(collect(source, 20, 20)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' })
  })

  it('throws ERR_SOURCE_TOO_SHORT if the stream ends too soon', async () => {
    for (const [first, last] of [
      [0, 1000],
      [999, 1000],
      [1000, 1000],
    ] as const) {
      const source = fromStream(pieces(100), { length: 1001 })
      await expect(collect(source, first, last)).rejects.toMatchObject({
        code: 'ERR_SOURCE_TOO_SHORT',
      })
    }
  })

  it('passes on the error of the stream, even from before the first read', async () => {
    const stream = new Readable({ read() {} })
    const source = fromStream(stream, { length: 1000 })
    stream.destroy(new Error('broken'))
    await new Promise((resolve) => setImmediate(resolve))
    await expect(collect(source, 0, 9)).rejects.toThrow('broken')
  })

  it('destroys a stream that hangs when the client leaves', async () => {
    const stream = new Readable({ read() {} })
    const source = fromStream(stream, { length: 1000 })
    const aborter = new AbortController()
    const left = collect(source, 0, 9, aborter.signal)
    setImmediate(() => aborter.abort(new Error('the client left')))
    await expect(left).rejects.toThrow('the client left')
    void (source as DirectSource).close?.(true)
    expect(stream.destroyed).toBe(true)
  })
})

describe('fromStream, of a function', () => {
  it('opens a stream for each range, in any order', async () => {
    const opened: ByteRange[] = []
    const source = fromStream(
      (range) => {
        opened.push(range)
        return Readable.from([bytes.subarray(range.firstPos, range.lastPos + 1)])
      },
      { length: 1000, type: 'video/mp4' },
    )
    expect(source).toMatchObject({ length: 1000, type: 'video/mp4' })
    expect(source.seekable).not.toBe(false)
    expect(await collect(source, 500, 599)).toEqual(bytes.subarray(500, 600))
    expect(await collect(source, 0, 9)).toEqual(bytes.subarray(0, 10))
    expect(opened).toEqual([
      { firstPos: 500, lastPos: 599 },
      { firstPos: 0, lastPos: 9 },
    ])
  })

  it('accepts a promise of a stream', async () => {
    const source = fromStream(async ({ firstPos }) => Readable.from([bytes.subarray(firstPos)]), {
      length: 1000,
    })
    expect(await collect(source, 500, 599)).toEqual(bytes.subarray(500, 600))
  })

  it('cuts the stream off after the range, and destroys it', async () => {
    let destroyed = false
    const source = fromStream(
      ({ firstPos }) => {
        return new Readable({
          read() {
            this.push(bytes.subarray(firstPos))
          },
          destroy(error, callback) {
            destroyed = true
            callback(error)
          },
        })
      },
      { length: 1000 },
    )
    expect(await collect(source, 500, 509)).toEqual(bytes.subarray(500, 510))
    expect(destroyed).toBe(true)
  })

  it('passes on what the function throws', async () => {
    const source = fromStream(
      () => {
        throw new Error('broken')
      },
      { length: 1000 },
    )
    await expect(collect(source, 0, 9)).rejects.toThrow('broken')
  })
})

describe('fromStream', () => {
  it.each<[what: string, stream: unknown, length: unknown, code: string]>([
    ['no stream', undefined, 5, 'ERR_INVALID_ARGUMENT'],
    ['bytes', bytes, 5, 'ERR_INVALID_ARGUMENT'],
    ['an unknown length', pieces(10), undefined, 'ERR_INVALID_LENGTH'],
    ['a length that is a string', pieces(10), '10', 'ERR_INVALID_LENGTH'],
    ['a negative length', pieces(10), -1, 'ERR_INVALID_LENGTH'],
    ['an infinite length', pieces(10), Infinity, 'ERR_INVALID_LENGTH'],
  ])('refuses %s', (_, stream, length, code) => {
    expect(() => fromStream(stream as ByteStream, { length: length as number })).toThrow(
      expect.objectContaining({ code }),
    )
  })

  it.each([[undefined], [null], [{}], [{ length: undefined }]])(
    'requires a length for %s',
    (metadata) => {
      for (const stream of [pieces(10), () => pieces(10)]) {
        expect(() => fromStream(stream, metadata as never)).toThrow(
          expect.objectContaining({
            name: 'TypeError',
            code: 'ERR_INVALID_LENGTH',
            message: expect.stringContaining('fromStream(stream, { length })'),
          }),
        )
      }
    },
  )
})

async function* pieces(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
