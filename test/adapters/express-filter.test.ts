// What the filter must not change in Express: heads that fail, fields, patches, classes.

import http from 'node:http'
import express, { type RequestHandler, type Response } from 'express'
import { describe, expect, it } from 'vitest'
import { createServer, rangeServe } from '@range-serve/express'
import { range } from '../support/files.ts'
import { listen } from '../support/listen.ts'
import { ask, exchange, field, type RawRequest, type RawResponse } from '../support/raw.ts'
import { start, page, opened } from '../support/error-page.ts'

const etag = '"v1"'

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

  const failures: [what: string, before: RequestHandler[], send: (response: Response) => void][] = [
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
    async (_what, before, send) => {
      const handler: RequestHandler = (_request, response) => send(response)
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
