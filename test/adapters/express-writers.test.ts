// Handlers of Express that write a response by themselves: the filter cuts it, and the handler ends as
// without the filter.

import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import zlib from 'node:zlib'
import type { RequestHandler, Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { respond, type Transfer } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import { expressApps } from '../support/apps.ts'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, pattern, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'

const content = bytes.subarray(0, 20_000)
/** More than the kernel buffers for a client that does not read. */
const large = pattern(24 * 1024 * 1024)
const largePath = path.join(folder, 'large.bin')
fs.writeFileSync(largePath, large)
const zippedPath = path.join(folder, 'file.gz')
fs.writeFileSync(zippedPath, zlib.gzipSync(bytes))
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

/** Defers the end of a response, and passes no callback of a write on. */
const patched: RequestHandler = (_request, response, next) => {
  const write = response.write.bind(response) as (chunk: Buffer) => boolean
  const end = response.end.bind(response) as (chunk?: unknown, callback?: () => void) => unknown
  response.write = ((chunk: Buffer) => write(chunk)) as typeof response.write
  response.end = ((...args: [unknown?, (() => void)?]) => {
    setImmediate(() => end(...args))
    return response
  }) as typeof response.end
  next()
}

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

  it('yields to the event loop while it discards what is written after the client has left', async () => {
    const most = 4096
    let made = 0
    let turns = 0
    const ended: unknown[] = []
    running = await start(rangeServe(), async (_request, response) => {
      const chunk = Buffer.alloc(65_536)
      response.set('Content-Length', String(most * chunk.length))
      const chunks = async function* () {
        for (; made < most; made++) yield chunk
      }
      const count = () => {
        turns++
        if (ended.length === 0) setImmediate(count)
      }
      count()
      await pipeline(chunks, response).then(
        () => ended.push('done'),
        (error: unknown) => ended.push(error),
      )
    })
    const socket = net.connect(running.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n')
    await once(socket, 'data')
    socket.resetAndDestroy()
    await until('the writer ends', () => ended.length > 0)
    // The client has all that it requested, so it has not left too early.
    expect(ended).toEqual(['done'])
    expect(made).toBe(most)
    expect(turns).toBeGreaterThan((most * 65_536) / 1024 / 1024 / 2)
  })

  it.each([
    ['that is not patched', []],
    ['that is patched', [patched]],
  ])('calls the callbacks of a response %s after its client has left', async (_where, before) => {
    const warnings: unknown[] = []
    const warn = (warning: unknown) => warnings.push(warning)
    process.on('warning', warn)
    let called = 0
    let closed = false
    running = await start(...before, rangeServe(), (_request, response) => {
      response.set('Content-Length', String(20 * size))
      response.on('close', () => (closed = true))
      for (let i = 0; i < 20; i++) response.write(bytes, () => called++)
    })
    const socket = net.connect(running.port, '127.0.0.1')
    socket.pause()
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=5-${15 * size}\r\n\r\n`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    socket.resetAndDestroy()
    await until('all are called', () => closed && called === 20)
    process.off('warning', warn)
    expect(warnings).toEqual([])
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

  describe.each(['write', 'end'] as const)('before a %s patched outside', (method) => {
    /** Middleware that sets a field, or replaces the content, as late as possible. */
    function outside(patch: (response: http.ServerResponse, args: unknown[]) => void) {
      return (_request: unknown, response: http.ServerResponse, next: () => void) => {
        const original = response[method] as (...args: unknown[]) => unknown
        let isFirst = true
        Object.assign(response, {
          [method](this: http.ServerResponse, ...args: unknown[]) {
            if (isFirst) patch(this, args)
            isFirst = false
            return original.apply(this, args)
          },
        })
        next()
      }
    }

    it('lets it set fields', async () => {
      running = await start(
        outside((response) => void response.setHeader('X-Late', '1')),
        rangeServe(),
        (_request, response) => {
          response.set('Content-Length', String(size))
          if (method === 'write') response.write(bytes)
          response.end(method === 'write' ? undefined : bytes)
        },
      )
      const requests = [{}, range('5-70000'), range(`${size}-`)]
      const [whole, part, none] = await exchange(running.port, requests)
      expect(whole!.content.equals(bytes)).toBe(true)
      expect(part!.status).toBe(206)
      expect(part!.content.equals(bytes.subarray(5, 70_001))).toBe(true)
      expect(none!.status).toBe(416)
      for (const each of [whole!, ...(method === 'end' ? [part!, none!] : [])]) {
        expect(field(each, 'X-Late')).toBe('1')
      }
    })

    it('lets it set fields of what sendRange sends', async () => {
      running = await start(
        outside((response) => {
          // The end of what was written in pieces comes after the head, with any other response too.
          if (!response.headersSent) response.setHeader('X-Late', '1')
        }),
        rangeServe(),
        (_request, response) => response.sendRange(filePath),
      )
      const requests = [range('5-400000'), range('5-9'), range(`${size}-`)]
      const [large, small, none] = await exchange(running.port, requests)
      expect(large!.content.equals(bytes.subarray(5, 400_001))).toBe(true)
      expect(small!.content.equals(bytes.subarray(5, 10))).toBe(true)
      expect(none!.status).toBe(416)
      expect(field(method === 'write' ? large! : small!, 'X-Late')).toBe('1')
    })

    it('does not send a part whose content it has replaced', async () => {
      running = await start(
        outside((response, args) => {
          if (!(args[0] instanceof Uint8Array)) return
          args[0] = Buffer.concat([args[0], Buffer.from('!')])
          response.setHeader('Content-Length', (args[0] as Buffer).length)
        }),
        rangeServe(),
        (_request, response) => void response.end(bytes),
      )
      const response = await ask(running.port, range('5-9')).catch(() => undefined)
      if (method === 'end') expect(response?.status).not.toBe(206)
      else expect(response!.content.equals(bytes.subarray(5, 10))).toBe(true)
    })
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

  it.each<[what: string, request: RawRequest, handler: RequestHandler]>([
    [
      'a part',
      range('0-3'),
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '5000' }).write(bytes.subarray(0, 5000))
        response.end()
      },
    ],
    [
      'a 304',
      { headers: [['If-None-Match', etag]] },
      (_request, response) => {
        response.set('ETag', etag).end(bytes.subarray(0, 5000))
      },
    ],
    [
      'a part of sendRange',
      range('0-3'),
      (_request, response) => void response.sendRange(bytes.subarray(0, 5000), { etag }),
    ],
  ])(
    'sends a full error page if the head of %s could not be written',
    async (_what, request, handler) => {
      const hook: RequestHandler = (_request, response, next) => {
        const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => Response
        let failed = false
        response.writeHead = ((...args: [number, http.OutgoingHttpHeaders?]) => {
          // As on-headers does.
          const [status, fields] = args
          response.statusCode = status
          if (typeof fields === 'object') response.set(fields)
          if (failed) return writeHead(...args)
          failed = true
          throw new Error('hooked')
        }) as typeof response.writeHead
        next()
      }
      running = await start(hook, rangeServe(), handler)
      const response = await ask(running.port, request)
      expect(response.status).toBe(500)
      expect(response.content.toString()).toBe('failed')
      for (const name of ['Content-Range', 'Cache-Control', 'Accept-Ranges']) {
        expect(field(response, name), name).toBeUndefined()
      }
      expect(field(response, 'Content-Length')).toBe('6')
    },
  )

  describe('a source that is piped', () => {
    it('is piped to its other destination in full', async () => {
      const copyPath = path.join(folder, 'copy.bin')
      let copied = false
      running = await start(rangeServe(), (_request, response) => {
        const source = fs.createReadStream(filePath)
        response.set('Content-Length', String(size))
        source.pipe(fs.createWriteStream(copyPath).on('finish', () => (copied = true)))
        source.pipe(response)
      })
      const [first, second] = await exchange(running.port, [range('5-9'), range('6-9')])
      expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
      expect([...second!.content]).toEqual([6, 7, 8, 9])
      await until('it is copied', () => copied && openDescriptors(filePath) === 0)
      expect(fs.readFileSync(copyPath).equals(bytes)).toBe(true)
    })

    it.each<[what: string, send: (response: Response, ended: (error: unknown) => void) => void]>([
      [
        'pipes',
        (response, ended) => {
          const through = new PassThrough()
          fs.createReadStream(filePath).pipe(through).pipe(response)
          through.on('close', () => ended(undefined))
        },
      ],
      [
        'a pipeline',
        (response, ended) =>
          void pipeline(fs.createReadStream(zippedPath), zlib.createGunzip(), response).then(
            () => ended(undefined),
            ended,
          ),
      ],
    ])(
      'is read through transforms in %s, ends without an error, and is closed',
      async (_what, send) => {
        const ended: unknown[] = []
        running = await start(rangeServe(), (request, response) => {
          if (request.path === '/end') return void response.end()
          response.set('Content-Length', String(size))
          send(response, (error) => ended.push(error))
        })
        for (let i = 0; i < 10; i++) {
          // A pipeline fails if the client disconnects before its end, even with all requested bytes.
          const asked = [range('5-9'), range('-1'), { path: '/end' }]
          const [first, second] = await exchange(running.port, asked)
          expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
          expect([...second!.content]).toEqual([(size - 1) % 251])
        }
        await until('all end', () => ended.length === 20)
        expect(ended.filter(Boolean)).toEqual([])
        // A client that disconnects must not leave a file open.
        for (let i = 0; i < 10; i++) await ask(running.port, range('5-9'))
        await until('the files are closed', () => openDescriptors(folder) === 0)
      },
    )

    it('is never joined to the next response on an upstream’s connection', async () => {
      // The unread rest of a response looks like a response.
      const forged = `${'\r\n'.repeat(500)}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`
      const upstream = await listen(
        http.createServer((request, response) => {
          const filler = /^\/long\/(\d+)/.exec(request.url!)?.[1]
          if (request.url === '/file') {
            return response.writeHead(200, { 'Content-Length': size }).end(bytes)
          }
          if (filler === undefined) return response.end('honest')
          const content = 'a'.repeat(100 + Number(filler)) + forged.repeat(900)
          return response.writeHead(200, { 'Content-Length': content.length }).end(content)
        }),
      )
      let agent = new http.Agent()
      running = await start(rangeServe(), (request, response) => {
        http
          .get({ port: upstream.port, host: '127.0.0.1', agent, path: request.url }, (answer) => {
            response.set('Content-Length', answer.headers['content-length'])
            answer.pipe(response)
          })
          .on('error', () => response.destroy())
      })
      try {
        for (let i = 0; i < 60; i++) {
          agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
          expect((await ask(running.port, { path: `/long/${i}`, ...range('0-9') })).status).toBe(
            206,
          )
          const next = await ask(running.port, { path: '/next' })
          expect(next.content.toString()).toBe('honest')
          agent.destroy()
        }
        agent = new http.Agent({ keepAlive: true })
        for (let i = 0; i < 12; i++) {
          const part = await ask(running.port, { path: '/file', ...range('100-2500000') })
          expect(part.content.equals(bytes.subarray(100, 2_500_001))).toBe(true)
        }
        agent.destroy()
      } finally {
        await upstream.close()
      }
    })

    it('is not touched once it is unpiped', async () => {
      const other = new PassThrough()
      running = await start(rangeServe(), (_request, response) => {
        response.set('Content-Length', String(size))
        other.pipe(response)
        other.unpipe(response)
        fs.createReadStream(filePath).pipe(response)
      })
      expect([...(await ask(running.port, range('5-9'))).content]).toEqual([5, 6, 7, 8, 9])
      await until('the file is closed', () => openDescriptors(filePath) === 0)
      expect(other.destroyed).toBe(false)
    })
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

  it('closes a stream that is piped after the last byte, too', async () => {
    const seconds: fs.ReadStream[] = []
    running = await start(rangeServe(), (_request, response) => {
      const first = fs.createReadStream(filePath, { end: 99 })
      const second = fs.createReadStream(filePath)
      seconds.push(second)
      response.set('Content-Length', String(100 + size))
      first.on('end', () => second.pipe(response)).pipe(response, { end: false })
    })
    const [one, two] = await exchange(running.port, [range('5-9'), range('96-103')])
    expect([...one!.content]).toEqual([5, 6, 7, 8, 9])
    expect([...two!.content]).toEqual([96, 97, 98, 99, 0, 1, 2, 3])
    await until('the files are closed', () => openDescriptors(filePath) === 0)
    for (const second of seconds) expect(second.bytesRead).toBeLessThan(size / 4)
  })
})

describe('writeHead', () => {
  let running: Running
  afterEach(() => running.close())

  const lists: [what: string, list: unknown[]][] = [
    ['a flat list', ['Content-Type', 'text/plain', 'Content-Length', '5', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']],
    ['a list of pairs', [['Content-Type', 'text/plain'], ['Content-Length', '5'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']]],
  ] // prettier-ignore
  it.each(lists)('sends every line of %s', async (_what, list) => {
    // Without Express, which sets X-Powered-By: Node splits a list if a field is set.
    const filter = rangeServe() as unknown as (...args: unknown[]) => void
    running = await listen(
      http.createServer((request, response) =>
        filter(request, response, () => response.writeHead(200, list as string[]).end('hello')),
      ),
    )
    for (const [request, status, text] of [
      [{}, 200, 'hello'],
      [{ headers: [['If-Match', '*']] }, 200, 'hello'],
      [range('1-3'), 206, 'ell'],
    ] as [RawRequest, number, string][]) {
      const response = await ask(running.port, request)
      expect(response.status).toBe(status)
      expect(response.fields.get('set-cookie')).toEqual(['a=1', 'b=2'])
      expect(field(response, 'Accept-Ranges')).toBe('bytes')
      expect(response.content.toString()).toBe(text)
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
