// toResponse of both entry points: one list of tests, each of which must hold for the two.

import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, describe, expect, it } from 'vitest'
import { toResponse as withoutFiles } from './fetch.ts'
import { fromBlob } from './sources/blob.ts'
import { fromBuffer } from './sources/buffer.ts'
import { fromReader } from './sources/reader.ts'
import { fromStream } from './sources/stream.ts'
import { toResponse } from './to-response.ts'
import type { Transfer } from './transfer.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'to-response-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
const filePath = path.join(folder, 'clip.mp4')
fs.writeFileSync(filePath, bytes)
fs.utimesSync(filePath, 1.6e9, 1.6e9)

const ask = (headers: Record<string, string> = {}, init: RequestInit = {}) =>
  new Request('http://host.test/clip.mp4?x=1', { headers, ...init })
const contentOf = async (response: Response) => Buffer.from(await response.arrayBuffer())
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A source that records its calls. */
function watched(read: Parameters<typeof fromReader>[0]['read']) {
  const seen = { closed: 0, signal: undefined as AbortSignal | undefined }
  const source = fromReader({
    length: bytes.length,
    read: (range, options) => {
      seen.signal = options.signal
      return read(range, options)
    },
    close: () => {
      seen.closed++
    },
  })
  return { seen, source }
}

/** In chunks of 100,000 bytes, all in the same memory; `slice` of a Buffer copies nothing. */
async function* reusingMemory(firstPos: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(100_000)
  for (let at = firstPos; at < bytes.length; at += buffer.length) {
    const chunk = bytes.subarray(at, at + buffer.length)
    buffer.set(chunk)
    yield buffer.subarray(0, chunk.length)
  }
}

it('sends a file, with its type and validators', async () => {
  const response = await toResponse(ask({ Range: 'bytes=1-2' }), filePath)
  expect(response.status).toBe(206)
  expect(response.headers.get('Content-Type')).toBe('video/mp4')
  expect(response.headers.get('ETag')).toMatch(/^"/)
  expect((await contentOf(response)).equals(bytes.slice(1, 3))).toBe(true)
  const whole = await toResponse(ask(), filePath)
  expect((await contentOf(whole)).equals(bytes)).toBe(true)
})

it('rejects for a file that is not found', async () => {
  await expect(toResponse(ask(), `${filePath}.not`)).rejects.toMatchObject({ status: 404 })
})

describe.each([
  ['core', toResponse],
  ['core/fetch', withoutFiles],
])('toResponse of %s', (_name, respond) => {
  it('does not read the signal of the request for a few bytes in memory', async () => {
    const request = ask({ Range: 'bytes=0-9' })
    let reads = 0
    Object.defineProperty(request, 'signal', { get: () => void reads++ })
    const content = await contentOf(await respond(request, bytes))
    expect(content.equals(bytes.slice(0, 10))).toBe(true)
    expect(reads).toBe(0)
  })

  it.each<[what: string, make: () => Parameters<typeof withoutFiles>[1]]>([
    ['a Uint8Array', () => bytes],
    ['a Blob', () => new Blob([bytes])],
    ['fromBuffer', () => fromBuffer(bytes)],
    ['fromBlob', () => fromBlob(new Blob([bytes]))],
    ['a promise', async () => bytes],
    [
      'fromReader of bytes',
      () =>
        fromReader({
          length: bytes.length,
          read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
        }),
    ],
    [
      'a source that reuses its memory',
      () => watched(({ firstPos }) => reusingMemory(firstPos)).source,
    ],
    ['a web stream', () => fromStream(new Blob([bytes]).stream(), { length: bytes.length })],
    ['a Node stream', () => fromStream(Readable.from([bytes]), { length: bytes.length })],
  ])('sends %s, and ranges of it', async (_what, make) => {
    const whole = await respond(ask(), make())
    expect(whole.status).toBe(200)
    expect(whole.headers.get('Content-Length')).toBe('300000')
    expect((await contentOf(whole)).equals(bytes)).toBe(true)
    for (const [firstPos, lastPos] of [
      [0, 4],
      [1000, 250_000],
    ] as const) {
      // prettier-ignore
      const part = await respond(ask({ Range: `bytes=${firstPos}-${lastPos}` }), make())
      expect(part.status).toBe(206)
      expect(part.headers.get('Content-Range')).toBe(`bytes ${firstPos}-${lastPos}/300000`)
      expect((await contentOf(part)).equals(bytes.slice(firstPos, lastPos + 1))).toBe(true)
    }
  })

  it.each<[status: number, method: string, headers: Record<string, string>]>([
    [200, 'HEAD', { Range: 'bytes=0-1' }],
    [304, 'GET', { 'If-None-Match': '"v1"' }],
    [412, 'GET', { 'If-Match': '"v2"' }],
    [416, 'GET', { Range: 'bytes=300000-' }],
  ])('has no body for a %i to %s', async (status, method, headers) => {
    const { seen, source } = watched(() => reusingMemory(0))
    const transfers: Transfer[] = []
    const onTransfer = (transfer: Transfer) => transfers.push(transfer)
    const response = await respond(ask(headers, { method }), source, { etag: '"v1"', onTransfer })
    expect(response.status).toBe(status)
    expect(response.body).toBeNull()
    expect(response.headers.get('Content-Length')).toBe(
      method === 'HEAD' ? '300000' : status === 304 ? null : '0',
    )
    expect(seen).toEqual({ closed: 1, signal: undefined })
    expect(transfers).toMatchObject([
      { status, aborted: false, bytesSent: 0, url: '/clip.mp4?x=1' },
    ])
  })

  it('sends several ranges', async () => {
    const response = await respond(ask({ Range: 'bytes=0-1,200000-200001' }), bytes)
    const text = Buffer.from(await response.arrayBuffer()).toString('latin1')
    expect(response.headers.get('Content-Type')).toMatch(/^multipart\/byteranges; boundary=/)
    expect(text).toContain('bytes 0-1/300000\r\n\r\n\x00\x01\r\n')
    expect(response.headers.get('Content-Length')).toBe(String(text.length))
  })

  it('sends several field lines of one name', async () => {
    const headers = { 'Set-Cookie': ['a=1', 'b=2'], 'X-One': '1' }
    const response = await respond(ask(), bytes, { headers })
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('X-One')).toBe('1')
  })

  it('yields chunks in memory of their own', async () => {
    for (const source of [bytes, watched(() => reusingMemory(0)).source]) {
      const response = await respond(ask(), source)
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        expect(chunk.byteLength).toBe(chunk.buffer.byteLength)
        expect(chunk.byteLength).toBeLessThanOrEqual(65_536)
        structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] })
      }
    }
    expect(bytes.length).toBe(300_000)
  })

  it('reads no further than is requested', async () => {
    let given = 0
    const { seen, source } = watched(async function* () {
      for (let at = 0; at < bytes.length; at += 50_000) {
        given++
        yield bytes.subarray(at, at + 50_000)
      }
    })
    const response = await respond(ask(), source)
    await turn()
    expect(given).toBe(1)
    const reader = response.body!.getReader()
    await reader.read()
    await turn()
    expect(given).toBe(1)
    await reader.read()
    expect(given).toBe(2)
    await reader.cancel()
    await turn()
    expect(seen.closed).toBe(1)
  })

  it.each(['the body is cancelled', 'the request is aborted', 'the signal aborts'])(
    'closes the source when %s, during a read',
    async (what) => {
      const { seen, source } = watched(async function* ({ firstPos }, { signal }) {
        yield bytes.subarray(firstPos, firstPos + 70_000)
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      })
      const client = new AbortController()
      const own = new AbortController()
      const transfers: Transfer[] = []
      const onTransfer = (transfer: Transfer) => transfers.push(transfer)
      const request = ask({}, { signal: client.signal })
      const response = await respond(request, source, { signal: own.signal, onTransfer })
      const reader = response.body!.getReader()
      await reader.read()
      await reader.read()
      const reading = reader.read().catch((error: unknown) => error)
      await turn()
      const reason = new Error('enough')
      if (what === 'the body is cancelled') await reader.cancel(reason)
      else if (what === 'the request is aborted') client.abort(reason)
      else own.abort(reason)
      const outcome = await reading
      expect(outcome).toEqual(
        what === 'the body is cancelled' ? { done: true, value: undefined } : reason,
      )
      await turn()
      expect(seen.closed).toBe(1)
      expect(seen.signal!.aborted).toBe(true)
      const error = what === 'the signal aborts' ? reason : undefined
      expect(transfers).toMatchObject([{ aborted: true, bytesSent: 70_000, error }])
    },
  )

  it('leaves no error to a server that cancels the body as the client disconnects', async () => {
    const client = new AbortController()
    const { source } = watched(() => reusingMemory(0))
    const response = await respond(ask({}, { signal: client.signal }), source)
    const reader = response.body!.getReader()
    await reader.read()
    client.abort()
    await reader.cancel()
    await turn()
    expect(await reader.closed).toBeUndefined()
  })

  it('does not reject for a client that has disconnected before there is a response', async () => {
    const client = new AbortController()
    const { seen, source } = watched(() => new Promise(() => {}))
    const responding = respond(ask({}, { signal: client.signal }), source)
    await turn()
    client.abort()
    const response = await responding
    await expect(response.arrayBuffer()).rejects.toThrow()
    expect(seen.closed).toBe(1)
    const again = await respond(
      ask({}, { signal: client.signal }),
      watched(() => reusingMemory(0)).source,
    )
    await expect(again.arrayBuffer()).rejects.toThrow()
  })

  it('rejects with the reason of a signal, before there is a response', async () => {
    const reason = new Error('shutting down')
    const { seen, source } = watched(() => new Promise(() => {}))
    const signal = AbortSignal.abort(reason)
    await expect(respond(ask(), source, { signal })).rejects.toBe(reason)
    expect(seen.closed).toBe(1)
  })

  it.each([0, 70_000])('fails for a source that fails after %i bytes', async (count) => {
    const failure = new Error('disk')
    const transfers: Transfer[] = []
    const { seen, source } = watched(async function* () {
      if (count > 0) yield bytes.subarray(0, count)
      throw failure
    })
    const responding = respond(ask(), source, {
      onTransfer: (transfer) => transfers.push(transfer),
    })
    if (count === 0) await expect(responding).rejects.toBe(failure)
    else await expect(responding.then((response) => response.arrayBuffer())).rejects.toBe(failure)
    expect(seen.closed).toBe(1)
    expect(transfers).toMatchObject([{ aborted: true, error: failure }])
  })

  it('fails for a source that runs short', async () => {
    const { source } = watched(async () => bytes.subarray(0, 100_000))
    const response = await respond(ask(), source)
    await expect(response.arrayBuffer()).rejects.toMatchObject({ code: 'ERR_SOURCE_TOO_SHORT' })
  })

  it('reports the transfer', async () => {
    const transfers: Transfer[] = []
    const onTransfer = (transfer: Transfer) => transfers.push(transfer)
    for (const [firstPos, lastPos] of [
      [5, 9],
      [5, 200_004],
    ] as const) {
      // prettier-ignore
      const request = ask({ Range: `bytes=${firstPos}-${lastPos}` })
      const response = await respond(request, bytes, { onTransfer })
      await response.arrayBuffer()
      const count = lastPos + 1 - firstPos
      const transfer = transfers.pop()!
      expect(transfer).toMatchObject({
        status: 206,
        ranges: [{ firstPos, lastPos }],
        bytesPlanned: count,
        bytesSent: count,
        aborted: false,
        error: undefined,
      })
    }
  })

  it('reads the source in the asynchronous context of the call', async () => {
    const storage = new AsyncLocalStorage<string>()
    const stores = new Set<string | undefined>()
    const { source } = watched(async function* () {
      for (let at = 0; at < bytes.length; at += 70_000) {
        stores.add(storage.getStore())
        yield bytes.subarray(at, at + 70_000)
      }
    })
    const response = await storage.run('request', () => respond(ask(), source))
    await response.arrayBuffer()
    expect([...stores]).toEqual(['request'])
  })

  it('tags bytes with their hash', async () => {
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 27)
    const response = await respond(ask(), bytes, { etag: true })
    expect(response.headers.get('ETag')).toBe(`"${(300_000).toString(36)}-${hash}"`)
  })

  it.each<[what: string, servable: unknown, options: object, code: string]>([
    ['an unknown option', bytes, { rooot: '/' }, 'ERR_UNKNOWN_OPTION'],
    ['nothing', undefined, {}, 'ERR_INVALID_ARGUMENT'],
    ['a promise of nothing', Promise.resolve(undefined), {}, 'ERR_INVALID_ARGUMENT'],
    ['a stream', Readable.from([]), {}, 'ERR_INVALID_ARGUMENT'],
    ['a length below zero', { length: -1, read() {} }, {}, 'ERR_INVALID_LENGTH'],
  ])('rejects for %s', async (_what, servable, options, code) => {
    await expect(respond(ask(), servable as never, options)).rejects.toMatchObject({ code })
  })
})

describe('toResponse of core/fetch', () => {
  it('reports that it serves no files', async () => {
    for (const file of ['/srv/clip.mp4', new URL('file:///srv/clip.mp4')]) {
      const responding = withoutFiles(ask(), file as never)
      await expect(responding).rejects.toThrow(/import toResponse from @range-serve\/core$/)
    }
    const responding = withoutFiles(ask(), bytes, { root: '/' } as never)
    await expect(responding).rejects.toThrow('toResponse has no option "root"')
  })
})
