import { once } from 'node:events'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChunkReader, toBytes } from './chunk-reader.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)

const unhandled: unknown[] = []
const onUnhandled = (error: unknown) => unhandled.push(error)
beforeAll(() => void process.on('unhandledRejection', onUnhandled))
afterAll(() => void process.off('unhandledRejection', onUnhandled))

describe('ChunkReader', () => {
  it('returns the chunks, then undefined', async () => {
    const reader = new ChunkReader(pieces(bytes.subarray(0, 5), 3))
    expect(await reader.next()).toEqual(bytes.subarray(0, 3))
    expect(await reader.next()).toEqual(bytes.subarray(3, 5))
    expect(await reader.next()).toBeUndefined()
  })

  it('destroys a Readable at once, even during a read', async () => {
    const stream = new Readable({ read() {} })
    const reader = new ChunkReader(stream)
    const next = reader.next().catch(() => {})
    reader.close()
    expect(stream.destroyed).toBe(true)
    await once(stream, 'close')
    await next
  })

  it('ignores a stream that has ended, and may be closed twice', async () => {
    let returns = 0
    const iterator = {
      next: async () => ({ done: true as const, value: undefined }),
      return: async () => {
        returns++
        return { done: true as const, value: undefined }
      },
    }
    const reader = new ChunkReader({ [Symbol.asyncIterator]: () => iterator })
    await reader.next()
    reader.close()
    expect(returns).toBe(0)
    const other = new ChunkReader({ [Symbol.asyncIterator]: () => iterator })
    other.close()
    other.close()
    expect(returns).toBe(1)
  })

  it('handles a rejection of `return`', async () => {
    const stop = () => Promise.reject(new Error('cannot stop'))
    new ChunkReader({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: stop }),
    }).close()
    await turn()
    expect(unhandled.splice(0)).toEqual([])
  })
})

async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
}

/** Two turns of the loop, so that an unhandled rejection has been reported. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}

describe('toBytes', () => {
  it.each<[got: string, value: unknown, instead: string]>([
    ['undefined', undefined, ''],
    ['null', null, ''],
    ['number', 5, ''],
    ['Response', new Response('a'), 'return response.body'],
    ['Blob', new Blob(['a']), 'return blob.stream()'],
    ['Uint16Array', new Uint16Array(5), 'return new Uint8Array(view.buffer'],
    ['Array', [bytes], 'return Buffer.concat(chunks)'],
    ['Object', { Body: bytes }, 'return its body'], // of the AWS SDK
    ['Object', { pipe() {} }, 'return new Readable().wrap(stream)'],
    ['Object', { getReader() {} }, 'it cannot be iterated'],
    ['Object', {}, ''],
  ])('refuses %s: %o', (got, value, instead) => {
    expect(() => toBytes(value)).toThrow(
      expect.objectContaining({
        status: 500,
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringContaining(`The source gave ${got} instead of bytes`),
      }),
    )
    expect(() => toBytes(value)).toThrow(instead === '' ? /bytes$/ : instead)
  })
})
