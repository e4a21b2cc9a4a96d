import { describe, expect, it } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import type { ByteRange } from '../semantics/range.ts'
import { readRange } from './read-range.ts'
import { fromReader, type Reader } from './reader.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))
const { signal } = new AbortController()

function reader(more: Partial<Reader> = {}): Reader & { reads: string[] } {
  const reads: string[] = []
  return {
    length: 1000,
    reads,
    read: async ({ firstPos, lastPos }) => {
      reads.push(`${firstPos}-${lastPos}`)
      return bytes.subarray(firstPos, lastPos + 1)
    },
    ...more,
  }
}

describe('fromReader', () => {
  it('keeps the metadata of the reader, limited or not', () => {
    const metadata = { length: 1000, type: 'video/mp4', etag: '"v1"', lastModified: new Date() }
    expect(fromReader(reader(metadata))).toMatchObject(metadata)
    expect(fromReader(reader({ ...metadata, maxRead: 10 }))).toMatchObject(metadata)
    expect(fromReader(reader({ maxRead: 10 }))).not.toHaveProperty('etag')
  })

  it('reads a full range at once if there is no limit', async () => {
    const all = reader()
    expect(await collect(fromReader(all), 5, 999)).toEqual(bytes.subarray(5))
    expect(all.reads).toEqual(['5-999'])
  })

  it.each<[maxRead: number, range: [number, number], reads: string[]]>([
    [100, [0, 249], ['0-99', '100-199', '200-249']],
    [100, [50, 249], ['50-149', '150-249']], // counted from the first position, so that no short read is left at the end
    [100, [0, 99], ['0-99']],
    [100, [0, 100], ['0-99', '100-100']],
    [1, [5, 7], ['5-5', '6-6', '7-7']],
    [5000, [0, 999], ['0-999']],
  ])('requests at most %i bytes of %j at once', async (maxRead, [firstPos, lastPos], reads) => {
    const limited = reader({ maxRead })
    const read = await collect(fromReader(limited), firstPos, lastPos)
    expect(read).toEqual(bytes.subarray(firstPos, lastPos + 1))
    expect(limited.reads).toEqual(reads)
  })

  it('requests the next bytes only after the last were yielded', async () => {
    const limited = reader({ maxRead: 10 })
    const chunks = readRange(fromReader(limited), { firstPos: 0, lastPos: 99 }, signal)
    await chunks.next()
    expect(limited.reads).toEqual(['0-9'])
    await chunks.return(undefined)
    expect(limited.reads).toEqual(['0-9'])
  })

  it('throws ERR_SOURCE_TOO_SHORT if a read in between returns too little', async () => {
    const short = reader({
      maxRead: 10,
      read: async ({ firstPos, lastPos }) =>
        bytes.subarray(firstPos, lastPos + (firstPos === 20 ? 0 : 1)),
    })
    await expect(collect(fromReader(short), 0, 99)).rejects.toMatchObject({
      code: 'ERR_SOURCE_TOO_SHORT',
    })
  })

  it('cuts a read in between that returns too much', async () => {
    const long = reader({ maxRead: 10, read: async ({ firstPos }) => bytes.subarray(firstPos) })
    expect(await collect(fromReader(long), 0, 99)).toEqual(bytes.subarray(0, 100))
  })

  it('does not wait, on abort, for a read that hangs', async () => {
    const aborter = new AbortController()
    const hanging = fromReader(reader({ maxRead: 10, read: () => new Promise(() => {}) }))
    const left = collect(hanging, 0, 99, aborter.signal)
    setImmediate(() => aborter.abort(new Error('the client left')))
    await expect(left).rejects.toThrow('the client left')
  })

  it('calls read and close as methods of the reader', async () => {
    class Counted implements Reader {
      length = 1000
      maxRead = 10
      closed = 0
      held = bytes
      async read({ firstPos, lastPos }: ByteRange) {
        return this.held.subarray(firstPos, lastPos + 1)
      }
      close() {
        this.closed++
      }
    }
    const counted = new Counted()
    const source = fromReader(counted)
    expect(await collect(source, 0, 24)).toEqual(bytes.subarray(0, 25))
    await source.close?.()
    expect(counted.closed).toBe(1)
  })

  it.each<[what: string, reader: unknown, name: string, code: string]>([
    ['nothing', undefined, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    ['no read', { length: 5 }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    ['no length', { read() {} }, 'RangeError', 'ERR_INVALID_LENGTH'],
    ['a negative length', reader({ length: -1 }), 'RangeError', 'ERR_INVALID_LENGTH'],
    ['a fractional length', reader({ length: 1.5 }), 'RangeError', 'ERR_INVALID_LENGTH'],
    [
      'a length beyond the safe integers',
      reader({ length: 2 ** 53 }),
      'RangeError',
      'ERR_INVALID_LENGTH',
    ],
    [
      'a length that is a string',
      reader({ length: '5' as never }),
      'RangeError',
      'ERR_INVALID_LENGTH',
    ],
    ['an etag without quotes', reader({ etag: 'v1' }), 'TypeError', 'ERR_INVALID_ETAG'],
    ['a maxRead of zero', reader({ maxRead: 0 }), 'RangeError', 'ERR_INVALID_ARGUMENT'],
    ['a fractional maxRead', reader({ maxRead: 1.5 }), 'RangeError', 'ERR_INVALID_ARGUMENT'],
  ])('refuses a reader with %s', (_, value, name, code) => {
    expect(() => fromReader(value as Reader)).toThrow(expect.objectContaining({ name, code }))
  })
})
