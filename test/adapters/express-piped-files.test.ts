// File streams that are piped into an Express response: read at the range.

import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream'
import { pipeline as pipelined } from 'node:stream/promises'
import zlib from 'node:zlib'
import compression from 'compression'
import express5, { type RequestHandler, type Response } from 'express'
import session from 'express-session'
import express4 from 'express4'
import { describe, expect, it, vi } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { bytes, filePath, folder, range, size, text } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'
import { start, open, type Setup } from '../support/piped-files.ts'

const handOvers: readonly (readonly [how: string, (response: Response) => unknown])[] = [
  ['pipe', (response) => open().pipe(response)],
  ['pipe once it is open', (response) => {
    const stream = open()
    return stream.on('open', () => stream.pipe(response))
  }],
  ['pipeline', (response) => pipeline(open(), response, (error) => expect(error).toBeFalsy())],
  ['await pipeline', (response) => pipelined(open(), response)],
] // prettier-ignore

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('%s', (_framework, create) => {
  it.each(handOvers)('serves a file by %s as a representation', async (_how, send) => {
    const port = await start((_request, response) => void send(response), { create })
    const whole = await ask(port, {})
    expect(whole.status).toBe(200)
    expect(whole.content.equals(bytes)).toBe(true)
    expect(field(whole, 'Content-Length')).toBe(String(size))
    expect(field(whole, 'Accept-Ranges')).toBe('bytes')
    const etag = field(whole, 'ETag')!
    const date = field(whole, 'Last-Modified')!
    expect(etag).toMatch(/^"/)

    const rows: readonly [RawRequest, number, readonly (readonly [number, number])[]][] = [
      [range('0-0'), 206, [[0, 0]]],
      [range('-1'), 206, [[size - 1, size - 1]]],
      [range('100-2000000'), 206, [[100, 2_000_000]]],
      [range('9000-9009,5-9'), 206, [[9000, 9009], [5, 9]]],
      [range(`${size}-`), 416, []],
      [{ headers: [['Range', 'bytes=5-9'], ['If-Range', etag]] }, 206, [[5, 9]]],
      [{ headers: [['Range', 'bytes=5-9'], ['If-Range', date]] }, 206, [[5, 9]]],
      [{ headers: [['Range', 'bytes=5-9'], ['If-Range', '"other"']] }, 200, [[0, size - 1]]],
      [{ headers: [['If-None-Match', etag]] }, 304, []],
      [{ headers: [['If-Modified-Since', date]] }, 304, []],
      [{ headers: [['If-Match', '"other"']] }, 412, []],
      [{ method: 'HEAD' }, 200, []],
    ] // prettier-ignore
    const responses = await exchange(
      port,
      rows.map(([request]) => request),
    )
    for (const [i, [, status, ranges]] of rows.entries()) {
      const response = responses[i]!
      expect(response.status, `row ${i}`).toBe(status)
      if (status < 400) expect(field(response, 'ETag')).toBe(etag)
      const parts =
        ranges.length > 1
          ? parseByteranges(field(response, 'Content-Type')!, response.content)
          : [response]
      const expected = ranges.map(([firstPos, lastPos]) => bytes.subarray(firstPos, lastPos + 1))
      const all = Buffer.concat(parts.map(({ content }) => content))
      expect(all.equals(Buffer.concat(expected)), `row ${i}`).toBe(true)
    }
    expect(field(responses.at(-1)!, 'Content-Length')).toBe(String(size))
    await until('the file is closed', () => openDescriptors(filePath) <= 0)
  })
})

it('reads the end of 1 TiB alone', async () => {
  const sparse = path.join(folder, 'sparse.bin')
  const length = 2 ** 40
  fs.writeFileSync(sparse, '')
  fs.truncateSync(sparse, length)
  fs.utimesSync(sparse, 1e9, 1e9)
  const read = vi.spyOn(fs, 'read')
  const streams: fs.ReadStream[] = []
  const port = await start((_request, response) => {
    const stream = fs.createReadStream(sparse)
    streams.push(stream)
    stream.pipe(response)
  })
  const response = await ask(port, range('-1024'))
  expect(response.status).toBe(206)
  expect(field(response, 'Content-Range')).toBe(`bytes ${length - 1024}-${length - 1}/${length}`)
  expect(response.content).toEqual(Buffer.alloc(1024))
  const asked = read.mock.calls.map((args: unknown[]) => Number(args[3]))
  expect(asked.reduce((sum, most) => sum + most, 0)).toBeLessThanOrEqual(65_536)
  expect(streams[0]!.bytesRead).toBe(1024)
})

it('serves a part of a file as a representation of its own', async () => {
  const part = { start: 1000, end: 1999 }
  const port = await start((request, response) =>
    open(request.path === '/part' ? part : undefined).pipe(response),
  )
  const [whole, first, last] = await exchange(port, [
    {},
    { path: '/part' },
    { path: '/part', ...range('-10') },
  ])
  expect(first!.content.equals(bytes.subarray(1000, 2000))).toBe(true)
  expect(field(first!, 'ETag')).not.toBe(field(whole!, 'ETag'))
  expect(field(last!, 'Content-Range')).toBe('bytes 990-999/1000')
  expect(last!.content.equals(bytes.subarray(1990, 2000))).toBe(true)
})

it('includes fields that are set after the pipe', async () => {
  const port = await start((_request, response) => {
    open().pipe(response)
    response.set({ ETag: '"v2"', 'Content-Type': 'video/mp4' })
  })
  const response = await ask(port, range('5-9'))
  expect(response.status).toBe(206)
  expect(field(response, 'ETag')).toBe('"v2"')
  expect(field(response, 'Content-Type')).toBe('video/mp4')
})

it('reports each transfer once, in the context of its request', async () => {
  const storage = new AsyncLocalStorage<string>()
  const told: [Transfer, string | undefined][] = []
  const port = await start((_request, response) => void open().pipe(response), {
    before: (request, _response, next) => storage.run(request.url, next),
    options: { onTransfer: (transfer) => told.push([transfer, storage.getStore()]) },
  })
  await exchange(port, [
    { path: '/whole' },
    { path: '/part', ...range('5-1000004') },
    { path: '/none', ...range(`${size}-`) },
  ])
  await until('all are reported', () => told.length >= 3)
  expect(
    told.map(([{ url, status, bytesSent, aborted }, store]) => [url, store, status, bytesSent, aborted]),
  ).toEqual([
    ['/whole', '/whole', 200, size, false],
    ['/part', '/part', 206, 1_000_000, false],
    ['/none', '/none', 416, 0, false],
  ]) // prettier-ignore
})

const compress = compression({ threshold: 0 })
const keepSession = session({ secret: 'x', resave: true, saveUninitialized: true })
it.each<[string, Setup, isCompressed: boolean]>([
  ['before compression', { after: compress }, true],
  ['behind compression', { before: compress }, true],
  ['before a session', { after: keepSession }, false],
  ['behind a session', { before: keepSession }, false],
])('sends ranges %s', async (_where, set, isCompressed) => {
  const textPath = path.join(folder, 'piped.txt')
  fs.writeFileSync(textPath, text)
  fs.utimesSync(textPath, 1e9, 1e9)
  const port = await start(
    (_request, response) => fs.createReadStream(textPath).pipe(response.type('txt')),
    set,
  )
  const coding: [string, string] = ['Accept-Encoding', 'gzip']
  const whole = await ask(port, { headers: [coding] })
  expect(whole.status).toBe(200)
  const content = isCompressed ? zlib.gunzipSync(whole.content) : whole.content
  expect(String(content) === text).toBe(true)
  const plain = await ask(port, {})
  expect(field(plain, 'ETag')).toMatch(/^"/)
  if (isCompressed) expect(field(whole, 'ETag')).not.toBe(field(plain, 'ETag'))
  const part = await ask(port, { headers: [coding, ['Range', 'bytes=100000-899999']] })
  expect(part.status).toBe(206)
  expect(part.fields.has('content-encoding')).toBe(false)
  expect(String(part.content) === text.slice(100_000, 900_000)).toBe(true)
  await until('the file is closed', () => openDescriptors(textPath) <= 0)
})

describe('what send pipes', () => {
  const file: RequestHandler = (_request, response) => response.sendFile(filePath)
  const folderOf = express5.static(folder)

  it.each([
    ['res.sendFile', '/', file],
    ['express.static', '/file.bin', folderOf],
  ])('gets several ranges by %s, under the tag that send knows', async (_name, url, handler) => {
    const port = await start(handler)
    const plainPort = await start(handler, { options: false })
    const [whole, one, several] = await exchange(port, [
      { path: url },
      { path: url, ...range('5-9') },
      { path: url, ...range('9000-9009,5-9') },
    ])
    const etag = field(await ask(plainPort, { path: url }), 'ETag')!
    for (const response of [whole, one, several]) expect(field(response!, 'ETag')).toBe(etag)
    expect(one!.status).toBe(206)
    expect(one!.content.equals(bytes.subarray(5, 10))).toBe(true)
    const parts = parseByteranges(field(several!, 'Content-Type')!, several!.content)
    expect(parts.map(({ firstPos }) => firstPos)).toEqual([9000, 5])
    const resumed = await ask(port, {
      path: url,
      headers: [
        ['If-Match', etag],
        ['Range', 'bytes=5-'],
      ],
    })
    expect(resumed.status).toBe(206)
  })
})
