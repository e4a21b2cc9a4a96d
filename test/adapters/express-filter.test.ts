// What the filter must not change in Express: heads that fail, fields, patches, transfers, hosts.

import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { PassThrough, pipeline, Readable } from 'node:stream'
import express, { type ErrorRequestHandler, type RequestHandler, type Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { createServer, rangeServe, type RangeServeOptions, rangeStatic } from '@range-serve/express'
import { leave } from '../support/clients.ts'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, exchange, field, type RawRequest, type RawResponse } from '../support/raw.ts'

const page = '#'.repeat(60)
const etag = '"v1"'

const opened: Running[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

/** Starts an application, with an error page that is longer than most of what is sent here. */
async function start(...uses: RequestHandler[]): Promise<number> {
  const app = express().set('env', 'production').disable('x-powered-by')
  app.get('/next', (_request, response) => void response.end('next'))
  for (const use of uses) app.use(use)
  const fail: ErrorRequestHandler = (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    response.statusCode = 500
    response.statusMessage = ''
    response.end(page)
  }
  app.use(fail)
  const running = await listen(http.createServer(app))
  opened.push(running)
  return running.port
}

const fieldsOf = ({ fields }: RawResponse) =>
  Object.fromEntries([...fields].filter(([name]) => name !== 'date'))

const requests: RawRequest[] = [
  {},
  range('1-2'),
  range('1-2,3-3'),
  range('900000-'),
  { headers: [['If-None-Match', etag]] },
  { headers: [['If-None-Match', '"other"']] },
  { method: 'HEAD' },
  { method: 'HEAD', headers: [['If-None-Match', etag]] },
]

describe('a head that cannot be written', () => {
  const failOnce =
    (how: (response: Response) => void): RequestHandler =>
    (_request, response, next) => {
      const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => Response
      let failed = false
      response.writeHead = ((...args: unknown[]) => {
        if (failed) return writeHead(...args)
        failed = true
        how(response)
        throw new Error('hooked')
      }) as typeof response.writeHead
      next()
    }

  const failures: [what: string, before: RequestHandler[], answer: (response: Response) => void][] =
    [
      [
        'for its message',
        [],
        (response) => {
          response.statusMessage = 'Gr\u2026'
          response.end('hello')
        },
      ],
      [
        'for a message given to writeHead',
        [],
        (response) => void response.writeHead(200, 'Gr\u2026', { 'Content-Length': 5 }),
      ],
      [
        'for a field given to writeHead',
        [],
        (response) => void response.writeHead(200, { 'Content-Length': 5, 'X-A': 'b\n' }),
      ],
      ['for a hook', [failOnce(() => {})], (response) => void response.end('hello')],
      [
        'for a hook that sets the status',
        [failOnce((response) => void (response.statusCode = 206))],
        (response) => void response.writeHead(200, { 'Content-Length': 5 }).end('hello'),
      ],
    ]

  it.each(failures)(
    '%s leaves nothing on the page that is sent instead',
    async (_what, before, answer) => {
      const handler: RequestHandler = (_request, response) => answer(response)
      const port = await start(...before, rangeServe(), handler)
      for (const request of requests) {
        const [first, second] = await exchange(port, [request, { path: '/next' }])
        const said = JSON.stringify(request)
        expect(first!.status, said).toBe(500)
        expect(field(first!, 'Accept-Ranges'), said).toBeUndefined()
        expect(field(first!, 'Content-Range'), said).toBeUndefined()
        if (request.method !== 'HEAD') {
          expect(field(first!, 'Content-Length'), said).toBe('60')
          expect(first!.content.toString(), said).toBe(page)
        }
        expect(second!.content.toString(), said).toBe('next')
      }
    },
  )
})

describe('a response as it is without the filter', () => {
  const handlers: [what: string, handler: (response: Response) => void][] = [
    [
      'with trailers',
      (response) => {
        response.setHeader('Trailer', 'X-Sum')
        response.addTrailers({ 'X-Sum': 'abc' })
        response.end('hello')
      },
    ],
    ['for X-Sendfile', (response) => void response.set('X-Sendfile', '/a').end('hello')],
    [
      'for X-Accel-Redirect',
      (response) => void response.set('X-Accel-Redirect', '/a').end('hello'),
    ],
    [
      'whose length was removed',
      (response) => {
        response.removeHeader('Content-Length')
        response.end('hello')
      },
    ],
    [
      'in chunks',
      (response) => void response.writeHead(200, { 'Transfer-Encoding': 'chunked' }).end('hello'),
    ],
    ['without content', (response) => void response.status(204).end()],
  ]
  it.each(handlers)('%s', async (what, handler) => {
    const plain = await start((_request, response) => handler(response))
    for (const options of [{}, { onTransfer() {} }]) {
      const filtered = await start(rangeServe(options), (_request, response) => handler(response))
      for (const request of requests) {
        // Node throws for a HEAD with trailers.
        if (request.method === 'HEAD' && what === 'with trailers') continue
        const expected = await ask(plain, request)
        const response = await ask(filtered, request)
        const said = JSON.stringify(request)
        expect(response.status, said).toBe(expected.status)
        expect(fieldsOf(response), said).toEqual(fieldsOf(expected))
        expect(response.content.equals(expected.content), said).toBe(true)
      }
    }
  })

  it.each<[what: string, handler: (response: Response) => void]>([
    ['send', (response) => void response.send('hello')],
    ['json', (response) => void response.json({ a: 1 })],
    ['end', (response) => void response.end('hello')],
    ['end of nothing', (response) => void response.end()],
    ['end of no bytes', (response) => void response.end(Buffer.alloc(0))],
    ['a head', (response) => void response.writeHead(200, { 'Content-Length': '5' }).end('hello')],
    ['a list', (response) => void response.writeHead(200, ['X-A', 'b', 'X-A', 'c']).end('hello')],
    [
      'writes',
      (response) => {
        response.write('hel')
        response.end('lo')
      },
    ],
  ])('when it is observed: %s', async (_what, handler) => {
    const ports = []
    for (const options of [{}, { onTransfer() {} }]) {
      ports.push(await start(rangeServe(options), (_request, response) => handler(response)))
    }
    for (const request of requests) {
      const [first, second] = await Promise.all(ports.map((port) => ask(port, request)))
      expect(second!.status).toBe(first!.status)
      const said = JSON.stringify(request)
      const type = 'content-type' // holds a boundary
      expect({ ...fieldsOf(second!), [type]: 0 }, said).toEqual({ ...fieldsOf(first!), [type]: 0 })
    }
  })
})

describe('fields given to writeHead', () => {
  const shapes: [what: string, fields: unknown][] = [
    ['a list', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Length', '5']],
    ['pairs', [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['Content-Length', '5']]],
    ['a list without a length', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']],
    ['a record', { 'Set-Cookie': ['a=1', 'b=2'], 'Content-Length': 5 }],
  ] // prettier-ignore
  it.each(shapes)('keep every line of %s', async (_what, fields) => {
    const port = await start(rangeServe(), (_request, response) => {
      response.writeHead(200, fields as string[]).end('hello')
    })
    for (const request of requests) {
      const response = await ask(port, request)
      expect(response.status, JSON.stringify(request)).not.toBe(500)
      expect(response.fields.get('set-cookie')).toEqual(['a=1', 'b=2'])
    }
  })

  it.each(['constructor', '__proto__', 'hasOwnProperty'])('may be named %s', async (name) => {
    const port = await start(rangeServe(), (_request, response) => {
      const fields = JSON.parse(`{"Content-Length": 5, "${name}": "x"}`) as Record<string, string>
      response.writeHead(200, fields).end('hello')
    })
    for (const [request, status] of [
      [{}, 200],
      [range('1-2'), 206],
    ] as const) {
      const response = await ask(port, request)
      expect(response.status).toBe(status)
      expect(response.fields.get(name.toLowerCase())).toEqual(['x'])
    }
  })
})

it.each([
  ['ServerResponse', http.ServerResponse.prototype],
  ['OutgoingMessage', http.OutgoingMessage.prototype],
])('calls methods of %s that are patched after the first request', async (_name, prototype) => {
  const port = await start(rangeServe(), (_request, response) => void response.send('hello'))
  await ask(port, {})
  const own = Object.getOwnPropertyDescriptor(prototype, 'end')
  const { end } = prototype
  let calls = 0
  prototype.end = function (this: http.ServerResponse, ...args: [string, BufferEncoding]) {
    calls++
    return end.apply(this, args)
  } as typeof end
  try {
    const [whole, part] = await exchange(port, [{}, range('1-2')])
    expect(whole!.content.toString()).toBe('hello')
    expect(part!.content.toString()).toBe('el')
    expect(calls).toBe(2)
  } finally {
    if (own) Object.defineProperty(prototype, 'end', own)
    else Reflect.deleteProperty(prototype, 'end')
  }
})

describe('a client that leaves', () => {
  it.each<[what: string, headers: Record<string, string>, length: boolean]>([
    ['a full response', {}, true],
    ['a full response of unknown length', {}, false],
    ['a range', { Range: `bytes=5-${20 * size}` }, true],
  ])('closes the file that is piped into %s', async (_what, headers, hasLength) => {
    const large = path.join(folder, 'leaver.bin')
    fs.writeFileSync(large, '')
    fs.truncateSync(large, 20 * size)
    const port = await start(rangeServe(), (_request, response) => {
      if (hasLength) response.set('Content-Length', String(20 * size))
      fs.createReadStream(large).pipe(response)
    })
    for (let i = 0; i < 5; i++) await leave(port, headers)
    await until('the file is closed', () => openDescriptors(large) === 0)
  })

  it('does not close what a handler still uses', async () => {
    const copied = new PassThrough().resume()
    let ended = false
    copied.on('end', () => (ended = true))
    const port = await start(rangeServe(), (_request, response) => {
      response.set('Content-Length', String(size))
      const source = fs.createReadStream(filePath)
      source.pipe(response)
      response.on('close', () => source.pipe(copied))
    })
    await leave(port)
    await until('the rest is copied', () => ended)
    await until('the file is closed', () => openDescriptors(filePath) === 0)
  })

  it('is reported as aborted, with less than planned, however the response is sent', async () => {
    const large = Buffer.alloc(60_000_000)
    const ways: Record<string, (response: Response) => void> = {
      '/send': (response) => void response.send(large),
      '/write': (response) => {
        response.set('Content-Length', String(large.length)).write(large)
        response.end()
      },
      '/pipe': (response) => {
        response.set('Content-Length', String(large.length))
        Readable.from([large]).pipe(response)
      },
    }
    const told: Transfer[] = []
    const onTransfer = (transfer: Transfer) => void told.push({ ...transfer })
    const port = await start(rangeServe({ onTransfer }), (request, response) =>
      ways[request.path]!(response),
    )
    for (const target of Object.keys(ways)) {
      for (const headers of [[], ['Range: bytes=1-']]) {
        told.length = 0
        const socket = net.connect(port, '127.0.0.1').on('error', () => {})
        socket.write(`${[`GET ${target} HTTP/1.1`, 'Host: a', ...headers].join('\r\n')}\r\n\r\n`)
        await once(socket, 'data')
        socket.pause()
        socket.resetAndDestroy()
        await until('it is reported', () => told.length > 0)
        const [{ aborted, bytesSent, bytesPlanned }] = told as [Transfer]
        expect(aborted, target).toBe(true)
        expect(bytesSent, target).toBeLessThan(bytesPlanned)
        expect(told.length).toBe(1)
      }
    }
  })
})

it('ends an upstream response only when the client has all of its bytes', async () => {
  const upstream = await listen(
    http.createServer((_request, response) => {
      response.setHeader('Content-Length', size)
      response.end(bytes)
    }),
  )
  opened.push(upstream)
  const port = await start(rangeServe(), (_request, response) => {
    http.get({ host: '127.0.0.1', port: upstream.port }, (answer) => {
      response.set('Content-Length', String(size))
      // A guard against upstreams that break.
      answer.on('aborted', () => response.destroy())
      answer.on('close', () => !answer.complete && response.destroy())
      answer.pipe(response)
    })
  })
  for (let i = 0; i < 5; i++) {
    const [first, second] = await exchange(port, [range('5-9'), { path: '/next' }])
    expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
    expect(second!.content.toString()).toBe('next')
  }
})

it('reports no error to a pipeline whose client resets the connection after the last byte', async () => {
  const ended: unknown[] = []
  const port = await start(rangeServe(), (_request, response) => {
    response.set('Content-Length', String(size))
    pipeline(fs.createReadStream(filePath), new PassThrough(), response, (error) =>
      ended.push(error),
    )
  })
  for (let i = 0; i < 5; i++) {
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n')
    await once(socket, 'data')
    socket.resetAndDestroy()
  }
  await until('all end', () => ended.length === 5)
  expect(ended).toEqual([undefined, undefined, undefined, undefined, undefined])
  await until('the files are closed', () => openDescriptors(filePath) === 0)
})

it('emits the close of a response in time, though its source is slow', async () => {
  let closed = false
  const port = await start(rangeServe(), (_request, response) => {
    response.set('Content-Length', '1000').write(Buffer.alloc(100))
    response.on('close', () => (closed = true))
  })
  await ask(port, range('0-9'))
  await until('it is reported', () => closed)
})

it('reports transfers in the context of their requests', async () => {
  const storage = new AsyncLocalStorage<string>()
  const told: unknown[] = []
  const onTransfer = ({ url }: Transfer) => void told.push([url, storage.getStore()])
  const port = await start(
    (request, _response, next) => storage.run(request.url, next),
    rangeServe({ onTransfer }),
    (request, response) => {
      response.set('Content-Length', String(size))
      if (request.path.startsWith('/send')) response.send(bytes)
      else fs.createReadStream(filePath).pipe(response)
    },
  )
  const targets = ['/send', '/pipe', '/send/range', '/pipe/range']
  await exchange(port, targets.map((target) => ({ path: target, ...(target.endsWith('range') ? range('0-9') : {}) }))) // prettier-ignore
  await until('all are reported', () => told.length === 4)
  expect(new Map(told as [string, unknown][])).toEqual(new Map(targets.map((each) => [each, each])))
})

describe('createServer', () => {
  it('makes responses and requests of the given classes', async () => {
    class Mine extends http.ServerResponse {}
    class MyRequest extends http.IncomingMessage {}
    const app = express().use(rangeServe(), (_request, response) => void response.send('hello'))
    const server = createServer(app, {
      ServerResponse: Mine as never,
      IncomingMessage: MyRequest,
    })
    const seen: boolean[] = []
    server.prependListener('request', (request, response) =>
      seen.push(response instanceof Mine, request instanceof MyRequest),
    )
    const running = await listen(server)
    opened.push(running)
    expect((await ask(running.port, range('1-2'))).content.toString()).toBe('el')
    expect(seen).toEqual([true, true])
  })
})

describe('errors before the head', () => {
  it('are instances of Error, whatever a source rejects with', async () => {
    const errors: unknown[] = []
    const reasons: unknown[] = [undefined, null, 'text', 0]
    let i = 0
    const app = express().use(rangeServe())
    app.use((_request, response) => {
      const reason = reasons[i++]
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- as a source may
      void response.sendRange({ length: 10, read: () => Promise.reject(reason as Error) })
    })
    const fail: ErrorRequestHandler = (error, _request, response, _next) => {
      errors.push(error)
      response.status(500).end()
    }
    const running = await listen(http.createServer(app.use(fail)))
    opened.push(running)
    for (const _ of reasons) expect((await ask(running.port, {})).status).toBe(500)
    expect(errors.every((error) => error instanceof Error)).toBe(true)
  })

  it('go to next if the head was sent before rangeStatic was called', async () => {
    const errors: unknown[] = []
    const app = express().set('env', 'production')
    app.use((_request, response, next) => {
      response.writeHead(200, { 'Content-Length': '5' }).write('hel')
      next()
    })
    app.use(rangeServe(), rangeStatic(folder))
    const fail: ErrorRequestHandler = (error, _request, response, _next) => {
      errors.push(error.code)
      response.end('lo')
    }
    const running = await listen(http.createServer(app.use(fail)))
    opened.push(running)
    const response = await ask(running.port, { path: '/file.bin' })
    expect(response.content.toString()).toBe('hello')
    expect(errors).toEqual(['ERR_HEADERS_SENT'])
    await until('the file is closed', () => openDescriptors(filePath) === 0, 10_000)
  })
})

describe('on a host without a connection', () => {
  /** Calls an application with a request and a response, as serverless adapters and test injectors do. */
  async function inject(
    options: RangeServeOptions,
    value: string,
  ): Promise<{ status: number; text: string }> {
    const app = express().use(
      rangeServe(options),
      (_request, response) => void response.send('hello'),
    )
    const request = new http.IncomingMessage(undefined as never)
    Object.assign(request, { method: 'GET', url: '/', headers: { range: value } })
    const response = new http.ServerResponse(request)
    const chunks: Buffer[] = []
    const sink = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk))
    response.assignSocket(sink as never)
    app(request as never, response as never)
    await once(response, 'finish')
    const [, text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    return { status: response.statusCode, text }
  }

  it('sends ranges, and reports their transfers', async () => {
    const told: Transfer[] = []
    expect(await inject({}, 'bytes=1-2')).toEqual({ status: 206, text: 'el' })
    const onTransfer = (transfer: Transfer) => void told.push(transfer)
    expect(await inject({ onTransfer }, 'bytes=1-2')).toEqual({ status: 206, text: 'el' })
    await until('it is reported', () => told.length === 1)
    expect(told).toMatchObject([{ aborted: false, bytesSent: 2 }])
  })
})
