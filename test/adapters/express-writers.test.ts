// Handlers of Express that write a response by themselves: the filter cuts it, and the handler ends as
// without the filter.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { respond, type Transfer } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import { expressApps } from '../support/express-apps.ts'
import { bytes, folder, range } from '../support/files.ts'
import { pattern, until } from '../support/fixture.ts'
import type { Running } from '../support/listen.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'
import { patched } from '../support/deferring.ts'

const content = bytes.subarray(0, 20_000)
/** More than the kernel buffers for a client that does not read. */
const large = pattern(24 * 1024 * 1024)
const largePath = path.join(folder, 'large.bin')
fs.writeFileSync(largePath, large)
const etag = '"v1"'

/** A thousand bytes at a time, some in a later turn. */
async function* rows(): AsyncGenerator<Buffer> {
  for (let i = 0; i < content.length; i += 1000) {
    yield content.subarray(i, i + 1000)
    if (i % 4000 === 0) await new Promise(setImmediate)
  }
}

const writers: [what: string, write: (response: Response) => Promise<unknown>][] = [
  ['a pipeline of a generator', (response) => pipeline(rows, response)],
  ['a pipeline of a web stream', (response) => pipeline(Readable.toWeb(Readable.from(rows())), response)],
  ['a pipeline through a generator', (response) =>
    pipeline(Readable.from(rows()), async function* (chunks: AsyncIterable<Buffer>) { yield* chunks }, response)],
  ['a pipeline of a stream', (response) => pipeline(Readable.from(rows()), response)],
  ['a web stream’s pipeTo', (response) =>
    Readable.toWeb(Readable.from(rows())).pipeTo(Writable.toWeb(response) as WritableStream)],
  ['a pipeTo of all at once', (response) =>
    new Blob([content as Uint8Array<ArrayBuffer>]).stream().pipeTo(Writable.toWeb(response) as WritableStream)],
  ['writes that wait for drain', async (response) => {
    for await (const row of rows()) if (!response.write(row)) await once(response, 'drain')
    response.end()
  }],
  ['writes that wait for their callbacks, of one buffer', async (response) => {
    const buffer = Buffer.alloc(1000)
    for await (const row of rows()) {
      row.copy(buffer)
      await new Promise<void>((resolve) => void response.write(buffer, () => resolve()))
    }
    await new Promise<void>((resolve) => void response.end(resolve))
  }],
  ['a last write with the end', async (response) => {
    response.write(content.subarray(0, 19_000))
    response.end(content.subarray(19_000))
    await once(response, 'finish')
  }],
] // prettier-ignore

const asked: [what: string, status: number, request: RawRequest, ranges: [number, number][]][] = [
  ['the first bytes', 206, range('0-1'), [[0, 1]]],
  ['some in the middle', 206, range('4990-5009'), [[4990, 5009]]],
  ['the last byte', 206, range('-1'), [[19_999, 19_999]]],
  ['all of it', 206, range('0-'), [[0, 19_999]]],
  ['several', 206, range('10-19,9000-9999'), [[10, 19], [9000, 9999]]],
  ['what is not there', 416, range('20000-'), []],
  ['what it has', 304, { headers: [['If-None-Match', etag]] }, []],
  ['a full response', 200, {}, [[0, 19_999]]],
] // prettier-ignore

describe.each(expressApps)('%s', (_name, start) => {
  let running: Running
  afterEach(() => running.close())

  describe.each([
    ['an unpatched response', []],
    ['a patched response', [patched]],
  ])('%s', (where, before) => {
    it.each(writers)('%s', async (what, write) => {
      const ended: unknown[] = []
      running = await start(...before, rangeServe(), async (_request, response) => {
        response.set({ 'Content-Length': String(content.length), ETag: etag })
        await write(response).then(
          () => ended.push('done'),
          (error: unknown) => ended.push(error),
        )
      })
      // A callback that the patch drops is not called without the filter either.
      const isLost = before.length > 0 && what.includes('callbacks')
      for (const [title, status, request, ranges] of asked) {
        if (isLost && status === 200) continue
        const [first, second] = await exchange(running.port, [request, range('5-9')])
        const response = first!
        expect(response.status, title).toBe(status)
        const parts =
          ranges.length > 1
            ? parseByteranges(field(response, 'Content-Type')!, response.content)
            : [{ content: response.content }]
        const expected = ranges.map(([from, to]) => content.subarray(from, to + 1))
        expect(
          Buffer.concat(parts.map((part) => part.content)).equals(Buffer.concat(expected)),
          title,
        ).toBe(true)
        expect([...second!.content], `${title}, and then`).toEqual([5, 6, 7, 8, 9])
      }
      const count = 2 * (isLost ? asked.length - 1 : asked.length)
      await until(`all ends on ${where}`, () => ended.length === count, 2000)
      expect(ended).toEqual(Array.from({ length: count }, () => 'done'))
    })
  })

  it('waits for a slow client, and calls back only when a buffer may be reused', async () => {
    let written = 0
    running = await start(rangeServe(), async (_request, response) => {
      response.set('Content-Length', String(large.length))
      const buffer = Buffer.alloc(65_536)
      for (let i = 0; i < large.length; i += buffer.length) {
        large.copy(buffer, 0, i)
        await new Promise<void>((resolve) => void response.write(buffer, () => resolve()))
        written += buffer.length
      }
      response.end()
    })
    const reader = await readLate(running.port, `4-${large.length - 1}`)
    expect(await settled(() => written)).toBeLessThan(large.length / 2)
    expect((await reader()).equals(large.subarray(4))).toBe(true)
  })

  it('sends content from a reused buffer to a slow client', async () => {
    running = await start(rangeServe(), async (_request, response) => {
      const { body } = await respond({ method: 'GET', headers: {} }, largePath)
      response.set('Content-Length', String(large.length))
      ;(body as Readable).pipe(response)
    })
    const reader = await readLate(running.port, `4-${large.length - 1}`)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await reader()).equals(large.subarray(4))).toBe(true)
  })

  it('lets Node refuse a write after the end', async () => {
    const codes: unknown[] = []
    running = await start(rangeServe(), (_request, response) => {
      response.set('Content-Length', '10').on('error', () => {})
      response.end(bytes.subarray(0, 10))
      response.write('more', (error) => codes.push((error as NodeJS.ErrnoException)?.code))
    })
    for (const request of [{}, range('0-1')]) await ask(running.port, request)
    await until('both are called', () => codes.length === 2)
    expect(codes).toEqual(['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_WRITE_AFTER_END'])
  })

  it('lets Node refuse a second end', async () => {
    const told: unknown[][] = []
    running = await start(rangeServe(), (_request, response) => {
      const each: unknown[] = []
      told.push(each)
      const tell = (error?: unknown) =>
        void each.push((error as NodeJS.ErrnoException | undefined)?.code)
      response.on('error', tell)
      response.end(bytes.subarray(0, 10), tell)
      response.end('more', tell)
      response.on('close', () => response.end(tell))
    })
    for (const request of [{}, range('0-1'), { headers: [['If-None-Match', '*']] as const }]) {
      await ask(running.port, request)
    }
    await until(
      'all are called',
      () => told.length === 3 && told.every((each) => each.length === 4),
    )
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
    expect(told[0]).toContain('ERR_STREAM_ALREADY_FINISHED')
  })

  it('reports a response that was shorter than its Content-Length', async () => {
    const transfers: Transfer[] = []
    const onTransfer = (transfer: Transfer) => void transfers.push(transfer)
    running = await start(rangeServe({ onTransfer }), (_request, response) => {
      response.set('Content-Length', '100')
      response.write(bytes.subarray(0, 50))
      response.end()
    })
    await ask(running.port, { headers: [['Connection', 'close']] }).catch(() => {})
    await running.close()
    expect(transfers).toMatchObject([{ bytesPlanned: 100, bytesSent: 50, aborted: true }])
  })

  it.each(['write', 'end'] as const)('lets Node refuse invalid content: %s', async (method) => {
    running = await start(rangeServe(), (_request, response) => {
      response.set('Content-Length', '3')
      response[method](123 as never)
    })
    for (const request of [{}, range('0-1')]) {
      expect((await ask(running.port, request)).status).toBe(500)
    }
  })
})

/** Requests a range, and reads nothing until the returned function is called; it resolves to the content. */
async function readLate(port: number, value: string): Promise<() => Promise<Buffer>> {
  const socket = net.connect(port, '127.0.0.1')
  socket.pause()
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: bytes=${value}\r\n\r\n`)
  await once(socket, 'connect')
  return async () => {
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    const all = Buffer.concat(chunks)
    return all.subarray(all.indexOf('\r\n\r\n') + 4)
  }
}

/** A number, once it has not changed for a tenth of a second. */
async function settled(read: () => number): Promise<number> {
  for (let i = 0, before = -1; i < 100; i++) {
    if (before === read()) break
    before = read()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return read()
}
