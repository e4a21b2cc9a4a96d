import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatByteranges } from '../semantics/byteranges.ts'
import { readBody, readRange, tooShort } from './read-range.ts'
import type { ByteStream, Source } from './source.ts'
import { type Read, bytes, pieces, collect, unaborted } from '../../../../test/support/reads.ts'

describe('readRange', () => {
  // Everything that `read` may return, each for 5-14.
  const given: [what: string, read: Read][] = [
    ['a promise of bytes', async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1)],
    ['a generator', ({ firstPos, lastPos }) => pieces(bytes.subarray(firstPos, lastPos + 1), 3)],
    [
      'a promise of a generator',
      async ({ firstPos, lastPos }) => {
        return pieces(bytes.subarray(firstPos, lastPos + 1), 3)
      },
    ],
    [
      'a Readable',
      ({ firstPos, lastPos }) => {
        return Readable.from(pieces(bytes.subarray(firstPos, lastPos + 1), 3))
      },
    ],
    [
      'a web stream',
      ({ firstPos, lastPos }) => {
        return ReadableStream.from(pieces(bytes.subarray(firstPos, lastPos + 1), 3)) as ByteStream
      },
    ],
    [
      'empty chunks between',
      async function* ({ firstPos, lastPos }) {
        yield new Uint8Array(0)
        yield bytes.subarray(firstPos, lastPos)
        yield new Uint8Array(0)
        yield new Uint8Array(0)
        yield bytes.subarray(lastPos, lastPos + 1)
      },
    ],
    ['more bytes than it should', async ({ firstPos }) => bytes.subarray(firstPos)],
    ['more chunks than it should', ({ firstPos }) => pieces(bytes.subarray(firstPos), 7)],
    [
      'an ArrayBuffer for a chunk',
      async function* ({ firstPos, lastPos }) {
        yield Uint8Array.from(bytes.subarray(firstPos, lastPos + 1)).buffer as never
      },
    ],
  ]

  it.each(given)('takes %s', async (_, read) => {
    expect(await collect(readRange({ read }, { firstPos: 5, lastPos: 14 }, unaborted))).toEqual(
      bytes.subarray(5, 15),
    )
  })

  it('encodes text as UTF-8', async () => {
    const read: Read = () => Readable.from(['h\u00e9', 'llo'])
    const chunks = readRange({ read }, { firstPos: 0, lastPos: 5 }, unaborted)
    expect((await collect(chunks)).toString()).toBe('h\u00e9llo')
  })

  it.each([[undefined], [null], [5], [new Uint16Array(2)], [{}]])(
    'refuses %j for a chunk',
    async (chunk) => {
      const read: Read = async function* () {
        yield chunk as never
      }
      await expect(
        collect(readRange({ read }, { firstPos: 0, lastPos: 5 }, unaborted)),
      ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', status: 500 })
    },
  )

  it('passes the exact range and the signal to the source', async () => {
    const calls: unknown[][] = []
    const read: Read = async (...args) => {
      calls.push(args)
      return bytes.subarray(5, 15)
    }
    await collect(readRange({ read }, { firstPos: 5, lastPos: 14 }, unaborted))
    expect(calls).toEqual([[{ firstPos: 5, lastPos: 14 }, { signal: unaborted }]])
  })

  it('calls read as a method of its source', async () => {
    const source = {
      held: bytes,
      async read() {
        return this.held
      },
    }
    const chunks = readRange(source, { firstPos: 0, lastPos: 4 }, unaborted)
    expect(await collect(chunks)).toEqual(bytes.subarray(0, 5))
  })

  const short: [what: string, read: Read][] = [
    ['no bytes', async () => new Uint8Array(0)],
    ['a byte too few', async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos)],
    ['a chunk too few', ({ firstPos }) => pieces(bytes.subarray(firstPos, firstPos + 9), 3)],
    ['no chunk', async function* () {}],
    [
      'empty chunks and an end',
      async function* () {
        yield new Uint8Array(0)
      },
    ],
    ['a Readable that ends at once', () => Readable.from([])],
  ]

  it.each(short)('throws ERR_SOURCE_TOO_SHORT for %s', async (_, read) => {
    await expect(
      collect(readRange({ read }, { firstPos: 5, lastPos: 14 }, unaborted)),
    ).rejects.toMatchObject({ code: 'ERR_SOURCE_TOO_SHORT', status: 500, expose: false })
  })

  it('yields what there was before it throws', async () => {
    const read: Read = () => pieces(bytes.subarray(0, 9), 3)
    const chunks = readRange({ read }, { firstPos: 0, lastPos: 9 }, unaborted)
    const got: Uint8Array[] = []
    await expect(
      (async () => {
        for await (const chunk of chunks) got.push(chunk)
      })(),
    ).rejects.toThrow('1 bytes before the end of 0-9')
    expect(Buffer.concat(got)).toEqual(bytes.subarray(0, 9))
  })

  it.each<[what: string, read: Read]>([
    [
      'throws at the call',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws between chunks',
      async function* () {
        yield bytes.subarray(0, 1)
        throw new Error('broken')
      },
    ],
    [
      'is a stream that fails',
      () => {
        return new Readable({
          read() {
            this.destroy(new Error('broken'))
          },
        })
      },
    ],
    [
      'is a web stream that fails',
      () => {
        return new ReadableStream({
          pull: (it) => it.error(new Error('broken')),
        }) as unknown as ByteStream
      },
    ],
  ])('passes on the error of a source that %s', async (_, read) => {
    await expect(
      collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, unaborted)),
    ).rejects.toThrow(/^broken$/)
  })
})

describe('readBody', () => {
  it('is the segments, each exact to the byte, however the source cuts its chunks', async () => {
    const range = fc
      .tuple(fc.nat({ max: 999 }), fc.nat({ max: 200 }))
      .map(([firstPos, more]) => ({ firstPos, lastPos: Math.min(999, firstPos + more) }))
    const sizes = fc
      .array(fc.nat({ max: 60 }), { minLength: 1 })
      .filter((all) => all.some((size) => size > 0))
    await fc.assert(
      fc.asyncProperty(
        fc.array(range, { maxLength: 4 }),
        sizes,
        fc.nat({ max: 9 }),
        async (ranges, cuts, extra) => {
          const segments = formatByteranges(ranges, 1000, undefined, 'BOUNDARY')
          const source: Source = {
            length: 1000,
            async *read({ firstPos, lastPos }) {
              const until = Math.min(1000, lastPos + 1 + extra)
              for (let at = firstPos, turn = 0; at < until; turn++) {
                const size = Math.min(until - at, cuts[turn % cuts.length]!)
                yield bytes.subarray(at, at + size)
                at += size
              }
            },
          }
          const expected = segments.map((segment) =>
            segment instanceof Uint8Array
              ? segment
              : bytes.subarray(segment.firstPos, segment.lastPos + 1),
          )
          expect(await collect(readBody(segments, source, unaborted))).toEqual(
            Buffer.concat(expected),
          )
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is empty if there is nothing to send', async () => {
    const read: Read = () => {
      throw new Error('nothing is requested')
    }
    expect(await collect(readBody([], { length: 5, read }, unaborted))).toHaveLength(0)
  })

  it('reads a range only once everything before it has been yielded', async () => {
    const reads: number[] = []
    const read: Read = async ({ firstPos, lastPos }) => {
      reads.push(firstPos)
      return bytes.subarray(firstPos, lastPos + 1)
    }
    const segments = [
      { firstPos: 0, lastPos: 4 },
      { firstPos: 10, lastPos: 14 },
    ]
    const body = readBody(segments, { length: 1000, read }, unaborted)
    await body.next()
    expect(reads).toEqual([0])
    await body.next()
    expect(reads).toEqual([0, 10])
  })
})

describe('tooShort', () => {
  it('reports how much of which range is missing', () => {
    expect(tooShort({ firstPos: 5, lastPos: 9 }, 3).message).toBe(
      'The source ended 3 bytes before the end of 5-9',
    )
  })
})
