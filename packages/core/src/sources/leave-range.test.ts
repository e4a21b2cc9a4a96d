// What becomes of a source that is not read to its end.

import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { describe, expect, it } from 'vitest'
import { readRange } from './read-range.ts'
import type { ByteStream } from './source.ts'
import {
  type Read,
  bytes,
  collect,
  unaborted,
  turn,
  unhandled,
  pieces,
} from '../../../../test/support/reads.ts'

describe('readRange', () => {
  it('closes a generator that has more to yield', async () => {
    let returned = false
    const read: Read = async function* () {
      try {
        for (;;) yield bytes.subarray(0, 4)
      } finally {
        returned = true
      }
    }
    expect(await collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, unaborted))).toHaveLength(
      10,
    )
    await turn()
    expect(returned).toBe(true)
  })

  it('destroys a Readable that has more to yield', async () => {
    const stream = endless()
    await collect(readRange({ read: () => stream }, { firstPos: 0, lastPos: 9 }, unaborted))
    expect(stream.destroyed).toBe(true)
  })

  it('cancels a web stream that has more to yield', async () => {
    let cancelled = false
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes.subarray(0, 4)),
      cancel: () => {
        cancelled = true
      },
    })
    const read: Read = () => stream as unknown as ByteStream
    await collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, unaborted))
    await turn()
    expect(cancelled).toBe(true)
  })

  it('destroys the stream if its reader leaves before the end', async () => {
    const stream = endless()
    for await (const chunk of readRange(
      { read: () => stream },
      { firstPos: 0, lastPos: 99 },
      unaborted,
    )) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(stream.destroyed).toBe(true)
  })

  const hanging: [what: string, read: Read][] = [
    ['never returns its stream', () => new Promise(() => {})],
    [
      'never yields a chunk',
      async function* () {
        await new Promise(() => {})
      },
    ],
    [
      'yields one chunk and no more',
      async function* () {
        yield bytes.subarray(0, 1)
        await new Promise(() => {})
      },
    ],
    ['is a Readable without bytes', () => new Readable({ read() {} })],
    ['is a web stream without bytes', () => new ReadableStream() as unknown as ByteStream],
    [
      'never settles its return',
      () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: () => new Promise(() => {}),
        }),
      }),
    ],
    [
      'has no return',
      () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
      }),
    ],
  ]

  it.each(hanging)('does not wait, on abort, for a source that %s', async (_, read) => {
    const aborter = new AbortController()
    const chunks = collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, aborter.signal))
    void turn().then(() => aborter.abort(new Error('the client left')))
    await expect(chunks).rejects.toThrow('the client left')
  })

  it('destroys a hanging Readable on abort', async () => {
    const aborter = new AbortController()
    const stream = new Readable({ read() {} })
    const chunks = collect(
      readRange({ read: () => stream }, { firstPos: 0, lastPos: 9 }, aborter.signal),
    )
    void turn().then(() => aborter.abort())
    await expect(chunks).rejects.toThrow()
    expect(stream.destroyed).toBe(true)
  })

  it('reads nothing if the signal has already aborted', async () => {
    let reads = 0
    const read: Read = async () => {
      reads++
      return bytes
    }
    const aborted = AbortSignal.abort(new Error('the client left'))
    const chunks = collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, aborted))
    await expect(chunks).rejects.toThrow('the client left')
    expect(reads).toBe(0)
  })

  it('handles a source that rejects because of the abort', async () => {
    const aborter = new AbortController()
    const read: Read = async function* (_, { signal }) {
      yield bytes.subarray(0, 1)
      signal.throwIfAborted()
      yield bytes.subarray(1)
    }
    const chunks = readRange({ read }, { firstPos: 0, lastPos: 9 }, aborter.signal)
    await chunks.next()
    // Between two chunks: nothing waits for the source.
    aborter.abort(new Error('the client left'))
    await expect(chunks.next()).rejects.toThrow('the client left')
    await turn()
    expect(unhandled.splice(0)).toEqual([])
  })

  /** Aborts a read that waits for what its source has promised. */
  async function abortPending(promise: Promise<Uint8Array | ByteStream>): Promise<void> {
    const aborter = new AbortController()
    const read: Read = () => promise
    const chunks = collect(readRange({ read }, { firstPos: 0, lastPos: 9 }, aborter.signal))
    void turn().then(() => aborter.abort(new Error('the client left')))
    await expect(chunks).rejects.toThrow('the client left')
  }

  it('handles a source that rejects after the abort', async () => {
    const { promise, reject } = deferred<Uint8Array>()
    await abortPending(promise)
    reject(new Error('too late'))
    await turn()
    expect(unhandled.splice(0)).toEqual([])
  })

  it('closes a stream that arrives after the abort', async () => {
    const { promise, resolve } = deferred<ByteStream>()
    await abortPending(promise)
    const stream = endless()
    resolve(stream)
    await turn()
    expect(stream.destroyed).toBe(true)
  })

  it('leaves no listener on the signal', async () => {
    const aborter = new AbortController()
    let listeners = 0
    const { signal } = aborter
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++
      addEventListener.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--
      removeEventListener.apply(signal, args)
    }
    const read: Read = ({ firstPos, lastPos }) => pieces(bytes.subarray(firstPos, lastPos + 1), 3)
    await collect(readRange({ read }, { firstPos: 0, lastPos: 99 }, signal))
    await turn()
    expect(listeners).toBe(0)
  })
})

function endless(): Readable {
  return new Readable({
    read() {
      this.push(bytes.subarray(0, 4))
    },
  })
}

function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
