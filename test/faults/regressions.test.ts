// Faults that were found by attacks. Each was a crash, a leak, or bytes of something else.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import type { Readable } from 'node:stream'
import express from 'express'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromReader, respond, serve, type Source, type Transfer } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { bytes, filePath, folder, modified, range, size } from '../support/files.ts'
import { openDescriptors, until, writeOldFile } from '../support/fixture.ts'
import { frameworks } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'

let running: Running | undefined
afterEach(() => running?.close())

function startExpress(...handlers: express.RequestHandler[]): Promise<Running> {
  const app = express()
  app.set('env', 'production')
  app.use(rangeServe(), ...handlers)
  return listen(http.createServer(app))
}

function startKoa(...middleware: Koa.Middleware[]): Promise<Running> {
  const app = new Koa()
  app.silent = true
  app.use(forKoa.rangeServe())
  for (const each of middleware) app.use(each)
  const answer = app.callback()
  return listen(http.createServer((request, response) => void answer(request, response)))
}

describe('memory that is reused', () => {
  it('is not released in Koa while a read is still in flight', async () => {
    const other = path.join(folder, 'other.bin')
    writeOldFile(other, Buffer.alloc(4000, 'o'), modified)
    const handle = fs.openSync(filePath, 'r')
    let release = () => {}
    const late: Source & { readInto: unknown } = {
      length: size,
      read: async () => bytes,
      readInto(
        target: Uint8Array,
        length: number,
        _position: number,
        done: (error: null, count: number) => void,
      ) {
        release = () => {
          target.fill(0x73, 0, length)
          done(null, length)
        }
      },
    }
    running = await startKoa(async (ctx) => {
      if (ctx.path === '/fast') return void (await ctx.sendRange(other))
      void ctx.sendRange(late).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 20))
      ctx.status = 503
    })
    const timedOut = await ask(running.port, { path: '/slow', ...range('0-3999') })
    expect(timedOut.status).toBe(503)
    // The late read completes into its memory, which may belong to another response by then.
    const fast = ask(running.port, { path: '/fast', ...range('0-3998') })
    release()
    expect((await fast).content.equals(Buffer.alloc(3999, 'o'))).toBe(true)
    fs.closeSync(handle)
  })

  it('is not reused if only end is patched', async () => {
    const kept: Buffer[] = []
    running = await startExpress(
      (_request, response, next) => {
        const end = response.end.bind(response) as (chunk?: Buffer) => typeof response
        response.end = ((chunk?: Buffer) => {
          if (chunk) kept.push(chunk)
          return end(chunk)
        }) as typeof response.end
        next()
      },
      (_request, response) => void response.sendRange(filePath),
    )
    await ask(running.port, range('0-99'))
    await ask(running.port, range('1000-1099'))
    expect(kept[0]!.equals(bytes.subarray(0, 100))).toBe(true)
  })

  it('is not reused if the response below Koa is patched', async () => {
    const kept: Buffer[] = []
    running = await startKoa((ctx) => {
      const { res } = ctx
      const end = res.end.bind(res) as (chunk?: Buffer) => typeof res
      res.end = ((chunk?: Buffer) => {
        if (chunk) kept.push(chunk)
        return end(chunk)
      }) as typeof res.end
      return ctx.sendRange(filePath)
    })
    await ask(running.port, range('0-99'))
    await ask(running.port, range('1000-1099'))
    expect(kept[0]!.equals(bytes.subarray(0, 100))).toBe(true)
  })
})

describe('a stream whose descriptor is closed', () => {
  it('never sends bytes of the next file with its number', async () => {
    const other = path.join(folder, 'next.bin')
    writeOldFile(other, Buffer.alloc(size, 'B'), modified)
    const large = path.join(folder, 'large.bin')
    writeOldFile(large, Buffer.alloc(16 * size, 'A'), modified)
    let stream: fs.ReadStream | undefined
    running = await startKoa((ctx) => {
      stream = fs.createReadStream(large)
      ctx.body = stream
    })
    const received: Buffer[] = []
    await new Promise<void>((resolve) => {
      const headers = { Range: 'bytes=1-' }
      const target = { host: '127.0.0.1', port: running!.port, headers, agent: false }
      http.get(target, (response) => {
        response.once('data', () => {
          stream!.destroy()
          stream!.once('close', () => fs.openSync(other, 'r'))
        })
        response.on('data', (chunk: Buffer) => received.push(chunk))
        response.on('error', () => {})
        response.on('close', resolve)
      })
    })
    const all = Buffer.concat(received)
    expect(all.length).toBeLessThan(16 * size - 1)
    expect(all.includes('B')).toBe(false)
  })
})

describe('two responses to one request', () => {
  const setField = (response: http.ServerResponse) => void response.setHeader('X-A', 'b')
  const answerItself = (response: http.ServerResponse) =>
    void response.writeHead(503).end('partial')
  it.each([
    ['a large one', () => filePath],
    ['a small one', () => bytes.subarray(0, 100)],
  ])('do not mix: %s after another', async (_what, second) => {
    const transfers: Promise<Transfer>[] = []
    running = await startExpress((_request, response) => {
      transfers.push(response.sendRange(filePath), response.sendRange(second()))
    })
    const response = await ask(running.port, {}).catch(() => undefined)
    const ended = await Promise.all(transfers)
    expect(ended.filter(({ error }) => error !== undefined)).toMatchObject([
      { error: { code: 'ERR_HEADERS_SENT' } },
    ])
    const sent = ended.find(({ error }) => error === undefined)!
    expect(response?.content.length).toBe(sent.bytesPlanned)
    expect(response?.content.equals(bytes.subarray(0, sent.bytesPlanned))).toBe(true)
  })

  it('do not touch a response that other code has sent meanwhile', async () => {
    let transfer: Transfer | undefined
    running = await startExpress((_request, response) => {
      void response.sendRange(filePath).then((ended) => {
        transfer = ended
        response.end('tial')
      })
      response.status(503).write('par')
    })
    const response = await ask(running.port, {})
    expect(response.status).toBe(503)
    expect(response.content.toString()).toBe('partial')
    expect(transfer).toMatchObject({ aborted: true, error: { code: 'ERR_HEADERS_SENT' } })
  })

  it.each([
    ['a file', '/file.bin', {}],
    ['a file with fields to be set', '/file.bin', { setHeaders: setField }],
    ['a folder', '/folder', { index: 'index.html' }],
    ['nothing', '/missing', { fallthrough: false }],
    ['a file whose setHeaders responds', '/file.bin', { setHeaders: answerItself, wait: false }],
  ])(
    'do not touch a response that other code has sent while %s was looked up',
    async (_what, at, given) => {
      fs.mkdirSync(path.join(folder, 'folder'), { recursive: true })
      const { wait, ...options } = { wait: true, ...given }
      const errors: unknown[] = []
      const app = express()
      app.use(rangeServe(), (_request, response, next) => {
        next()
        if (!wait) return
        response.status(503).set('Content-Length', '7').write('par')
        setTimeout(() => response.end('tial'), 100)
      })
      app.use(rangeStatic(folder, options))
      app.use(((error, _request, _response, next) => {
        errors.push(error)
        next(error)
      }) satisfies express.ErrorRequestHandler)
      running = await listen(http.createServer(app))
      const response = await ask(running.port, { path: at })
      expect(response.status).toBe(503)
      expect(response.content.toString()).toBe('partial')
      expect(errors).toEqual([])
      await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    },
  )

  it('do not count as sent if other code has ended before the first byte', async () => {
    let transfer: Transfer | undefined
    running = await startExpress((_request, response) => {
      const source = fromReader({ length: 10, read: () => new Promise<never>(() => {}) })
      void response.sendRange(source).then((ended) => (transfer = ended))
      setTimeout(() => response.status(503).end('busy'), 20)
    })
    expect((await ask(running.port, {})).content.toString()).toBe('busy')
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: true, bytesSent: 0 })
  })
})

describe('sources that misbehave', () => {
  const closes: [what: string, close: () => void][] = [
    ['returns something other than a promise', () => ({}) as never],
    [
      'throws',
      () => {
        throw new Error('cannot close')
      },
    ],
  ]
  it.each(closes)('do no harm if close %s', async (_what, close) => {
    let transfer: Transfer | undefined
    running = await startExpress((_request, response) => {
      const source = fromReader({ length: 10, read: async () => bytes.subarray(0, 10), close })
      void response.sendRange(source).then((ended) => (transfer = ended))
    })
    expect((await ask(running.port, {})).content.length).toBe(10)
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: false })
  })

  it('are an error even if they reject with undefined', async () => {
    running = await startExpress((_request, response) => {
      // oxlint-disable-next-line prefer-promise-reject-errors -- the point of this test
      void response.sendRange(fromReader({ length: 10, read: () => Promise.reject() }))
    })
    expect((await ask(running.port, {})).status).toBe(500)
  })

  it('may return a string or an ArrayBuffer for bytes', async () => {
    const results = ['some text', new TextEncoder().encode('some text').buffer]
    running = await startExpress((_request, response) => {
      const read = async () => results.shift() as never
      void response.sendRange(fromReader({ length: 9, read }))
    })
    for (let i = 0; i < 2; i++) {
      expect((await ask(running.port, {})).content.toString()).toBe('some text')
    }
  })
})

describe('setHeaders that throws', () => {
  const fail = () => {
    throw new Error('cannot set')
  }
  it('is an error of Express, and holds no file', async () => {
    running = await startExpress(rangeStatic(folder, { setHeaders: fail }))
    expect((await ask(running.port, { path: '/file.bin' })).status).toBe(500)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('is an error of Koa, and holds no file', async () => {
    running = await startKoa(forKoa.rangeStatic(folder, { setHeaders: fail }))
    expect((await ask(running.port, { path: '/file.bin' })).status).toBe(500)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})

describe('clients that disconnect', () => {
  it.each(frameworks)('end all their pipelined responses by %s', async (_name, start) => {
    const sent = await start(() => filePath)
    running = sent
    const socket = net.connect(sent.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(16))
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await until('all are over', () => sent.transfers.length === 16)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('end their pipelined responses even if the requests were consumed', async () => {
    const transfers: Transfer[] = []
    running = await listen(
      http.createServer((request, response) => {
        request.resume()
        request.once('end', () => {
          void serve(request, response, filePath).then((transfer) => transfers.push(transfer))
        })
      }),
    )
    const socket = net.connect(running.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(16))
    await new Promise((resolve) => socket.once('data', resolve))
    await until('the file is open', () => openDescriptors(filePath) > 0)
    socket.destroy()
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    expect(transfers.length).toBeGreaterThan(0)
  })

  it('end an HTTP/2 response by a reset without an error', async () => {
    let transfer: Transfer | undefined
    running = await listen(
      http2.createServer((request, response) => {
        void serve(request, response, filePath).then((ended) => (transfer = ended))
      }),
    )
    const session = http2.connect(`http://127.0.0.1:${running.port}`)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await new Promise((resolve) => stream.once('response', resolve))
    stream.close(http2.constants.NGHTTP2_NO_ERROR)
    await until('it is over', () => transfer !== undefined)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    session.destroy()
    expect(transfer).toMatchObject({ aborted: true })
  })

  it('are reported in Koa even if they disconnect before the response is decided', async () => {
    let transfer: Transfer | undefined
    running = await startKoa(async (ctx) => {
      ctx.req.socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 20))
      const { finished } = await ctx.sendRange(filePath)
      transfer = await finished
    })
    await ask(running.port, {}).catch(() => {})
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: true })
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})

describe('a signal that has aborted', () => {
  it('makes respond reject, for files too', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const request = { method: 'GET', headers: {} }
    await expect(respond(request, filePath, { signal })).rejects.toThrow('enough')
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('ends the body of respond before it is read, but not the process', async () => {
    const aborter = new AbortController()
    const request = { method: 'GET', headers: {} }
    const { body } = await respond(request, filePath, { signal: aborter.signal })
    aborter.abort(new Error('enough'))
    await new Promise(setImmediate)
    await expect((body as Readable).toArray()).rejects.toThrow('enough')
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})

describe('a signal that aborts', () => {
  let unhandled: unknown[]
  const note = (error: unknown) => unhandled.push(error)
  beforeEach(() => {
    unhandled = []
    process.on('unhandledRejection', note)
  })
  afterEach(() => void process.off('unhandledRejection', note))

  it('leaves no unhandled rejection of a response that waits for its turn', async () => {
    const aborter = new AbortController()
    let error: Error | undefined
    running = await listen(
      http.createServer((request, response) => {
        if (request.url === '/first') {
          setImmediate(() => {
            aborter.abort(new Error('enough'))
            setTimeout(() => response.end('1'), 20)
          })
          return
        }
        const { signal } = aborter
        serve(request, response, bytes, { signal }).catch((reason: Error) => (error = reason))
      }),
    )
    const socket = net.connect(running.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('it is told', () => error !== undefined)
    socket.destroy()
    expect(error?.message).toBe('enough')
    expect(unhandled).toEqual([])
  })

  it('leaves no unhandled rejection of a response that other code has begun', async () => {
    const aborter = new AbortController()
    let code: string | undefined
    running = await listen(
      http.createServer((request, response) => {
        const { signal } = aborter
        serve(request, response, bytes, { signal }).catch((error: NodeJS.ErrnoException) => {
          code = error.code
          setImmediate(() => response.end('tial'))
        })
        response.write('par')
        aborter.abort(new Error('enough'))
      }),
    )
    expect((await ask(running.port, {})).content.toString()).toBe('partial')
    expect(code).toBe('ERR_HEADERS_SENT')
    expect(unhandled).toEqual([])
  })
})

describe('a Transfer-Encoding that was set', () => {
  const presets: [name: string, start: () => Promise<Running>][] = [
    [
      'Express',
      () => startExpress((_, response) => void response.set(chunked).sendRange(filePath)),
    ],
    ['Koa', () => startKoa((ctx) => (ctx.set(chunked), ctx.sendRange(filePath)))],
    ...frameworks.map(([name, start]): [string, () => Promise<Running>] => [
      `the headers of ${name}`,
      () => start(() => filePath, { headers: chunked }),
    ]),
  ]
  const chunked = { 'transfer-encoding': 'chunked' }

  // RFC 9112 §6.2: MUST NOT; two framings of one message allow response smuggling.
  it.each(presets)('never goes out beside Content-Length: %s', async (_name, start) => {
    running = await start()
    for (const request of [{}, range('0-9'), range('0-9,5000-5009'), range('99999999-')]) {
      const response = await ask(running.port, request)
      expect(response.fields.has('content-length')).toBe(true)
      expect(response.fields.has('transfer-encoding')).toBe(false)
    }
  })
})

describe('a status that a handler has set', () => {
  const page = path.join(folder, 'page.html')
  writeOldFile(page, Buffer.from('<p>not there'), modified)
  const asked = ({ url = '/' }: http.IncomingMessage) => Number(url.slice(1))
  const servers: [name: string, start: () => Promise<Running>][] = [
    [
      'node:http',
      () =>
        listen(
          http.createServer((request, response) => {
            response.statusCode = asked(request)
            void serve(request, response, page)
          }),
        ),
    ],
    [
      'Express',
      () =>
        startExpress((request, response) => void response.status(asked(request)).sendRange(page)),
    ],
    [
      'Koa',
      () =>
        startKoa((ctx) => {
          ctx.status = asked(ctx.req)
          return ctx.sendRange(page)
        }),
    ],
  ]

  it.each(servers)('is that of the full response: %s', async (_name, start) => {
    running = await start()
    const { fields } = await ask(running.port, { path: '/200' })
    const validators = [
      ['If-None-Match', fields.get('etag')![0]!],
      ['If-Match', '"other"'],
    ] as const
    for (const status of [201, 404, 503]) {
      for (const header of [...range('0-4').headers, ...range('999-').headers, ...validators]) {
        const response = await ask(running.port, { path: `/${status}`, headers: [header] })
        expect(response.status).toBe(status)
        expect(response.content.toString()).toBe('<p>not there')
        expect(response.fields.has('accept-ranges')).toBe(false)
        expect(response.fields.get('etag')).toEqual(fields.get('etag'))
        expect(response.fields.get('content-type')).toEqual(['text/html; charset=utf-8'])
      }
    }
  })

  it.each(servers)('is ignored if it is a result of the decision: %s', async (_name, start) => {
    running = await start()
    for (const status of [200, 204, 205, 206, 304, 412, 416]) {
      const [whole, part] = [
        await ask(running.port, { path: `/${status}` }),
        await ask(running.port, { path: `/${status}`, ...range('3-5') }),
      ]
      expect(whole.status).toBe(200)
      expect(whole.content.toString()).toBe('<p>not there')
      expect(part.status).toBe(206)
      expect(part.content.toString()).toBe('not')
    }
  })
})
