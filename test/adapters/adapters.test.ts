// What holds in Express and in Koa alike: the filter on what handlers send, and sendRange.

import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import http from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type Transfer, serve } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { adapters, type Part, rangeServe } from '../support/adapters.ts'
import type { App } from '../support/apps.ts'
import { startExpress5 } from '../support/express-apps.ts'
import { startKoa3 } from '../support/koa-apps.ts'
import { bytes, filePath, folder, range, size, modified } from '../support/files.ts'
import { until, writeOldFile } from '../support/fixture.ts'
import { ask, field } from '../support/raw.ts'
import { frameworks } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'

describe.each(adapters)('%s', (_name, startApp) => {
  let app: App
  afterEach(() => app.close())

  async function start(...parts: Part[]): Promise<number> {
    app = await startApp(...parts)
    return app.port
  }

  describe('the filter', () => {
    it('sends ranges of JSON', async () => {
      const port = await start(rangeServe(), ({ send }) => send({ a: 'bcdef' }))
      const response = await ask(port, range('2-4'))
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/json; charset=utf-8')
      expect(response.content.toString()).toBe('a":')
    })

    it('counts bytes, not characters, of a string', async () => {
      const port = await start(rangeServe(), ({ send }) => send('äöü'))
      const response = await ask(port, range('1-2'))
      expect(field(response, 'Content-Range')).toBe('bytes 1-2/6')
      expect(response.content.equals(Buffer.from('äöü').subarray(1, 3))).toBe(true)
    })

    it('changes nothing if it is applied twice', async () => {
      const port = await start(rangeServe(), rangeServe(), ({ send }) => send('some text'))
      const response = await ask(port, range('5-'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('text')
    })

    it('sends the full response if more than maxSkip would have to be discarded', async () => {
      const port = await start(rangeServe({ maxSkip: 1000 }), ({ stream }) =>
        stream(Readable.from([bytes]), size),
      )
      expect((await ask(port, range('1000-1009'))).status).toBe(206)
      const full = await ask(port, range('1001-1009'))
      expect(full.status).toBe(200)
      expect(full.content.equals(bytes)).toBe(true)
    })

    it('reports its transfers to onTransfer', async () => {
      const transfers: Transfer[] = []
      const onTransfer = (transfer: Transfer) => void transfers.push(transfer)
      const port = await start(rangeServe({ onTransfer }), ({ send }) =>
        send(bytes.subarray(0, 1000)),
      )
      await ask(port, { path: '/a?b', ...range('0-9') })
      await until('it is reported', () => transfers.length === 1)
      expect(transfers[0]).toMatchObject({
        method: 'GET',
        url: '/a?b',
        status: 206,
        ranges: [{ firstPos: 0, lastPos: 9 }],
        completeLength: 1000,
        bytesPlanned: 10,
        bytesSent: 10,
        aborted: false,
      })
    })
  })

  describe('sendRange', () => {
    it('keeps fields that were set before', async () => {
      const port = await start(rangeServe(), ({ set, sendRange }) => {
        set({ ETag: '"mine"', 'Cache-Control': 'private', 'Content-Type': 'application/x-mine' })
        return sendRange(filePath)
      })
      const response = await ask(port, { headers: [['Range', 'bytes=0-1'], ['If-Range', '"mine"']] }) // prettier-ignore
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/x-mine')
      expect(field(response, 'Cache-Control')).toBe('private, no-transform')
    })

    it('sends an attachment under a name that cannot break out of its field', async () => {
      const port = await start(rangeServe(), ({ sendRange }) =>
        sendRange(bytes.subarray(0, 10), { filename: 'na"me\r\nX: y, ä.pdf' }),
      )
      const response = await ask(port, {})
      expect(field(response, 'Content-Type')).toBe('application/pdf')
      expect(field(response, 'Content-Disposition')).toMatch(/^attachment; filename="na\\"me/)
      expect(field(response, 'X')).toBeUndefined()
    })

    it('derives the type of an attachment from its name if nothing else determines it', async () => {
      const unnamed = path.join(folder, '0badc0de')
      fs.writeFileSync(unnamed, 'some text')
      const handle = await fs.promises.open(unnamed)
      const port = await start(rangeServe(), ({ path: target, set, sendRange }) => {
        if (target === '/preset') set({ 'Content-Type': 'a/preset' })
        const options = { filename: 'a.mp4', ...(target === '/option' ? { type: 'a/option' } : {}) }
        const source = target === '/file.bin' ? filePath : target === '/handle' ? handle : unnamed
        return sendRange(source, options)
      })
      const types = {
        '/option': 'a/option',
        '/preset': 'a/preset',
        '/file.bin': 'application/octet-stream',
        '/': 'video/mp4',
        '/handle': 'video/mp4',
      }
      for (const [target, type] of Object.entries(types)) {
        expect(field(await ask(port, { path: target }), 'Content-Type'), target).toBe(type)
      }
      await handle.close()
    })

    it('cannot leave its root', async () => {
      const root = path.join(folder, 'below')
      fs.mkdirSync(root, { recursive: true })
      const port = await start(rangeServe({ root }), ({ path: target, sendRange }) =>
        sendRange(decodeURIComponent(target)),
      )
      const escapes = ['/../file.bin', '/..%2ffile.bin', '/%2e%2e/file.bin', '/x/../../file.bin']
      for (const escape of escapes) {
        expect((await ask(port, { path: escape })).status, escape).toBe(404)
      }
    })
  })
})

describe('a Transfer-Encoding that was set', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  const presets: [name: string, start: () => Promise<Running>][] = [
    [
      'Express',
      () =>
        startExpress5(
          forExpress.rangeServe(),
          (_, response) => void response.set(chunked).sendRange(filePath),
        ),
    ],
    [
      'Koa',
      () => startKoa3(forKoa.rangeServe(), (ctx) => (ctx.set(chunked), ctx.sendRange(filePath))),
    ],
    ...frameworks.map(([name, start]): [string, () => Promise<Running>] => [
      `the headers of ${name}`,
      () => start(() => filePath, { headers: chunked }),
    ]),
  ]
  const chunked = { 'transfer-encoding': 'chunked' }

  // RFC 9112 §6.2: MUST NOT; two framings of one message allow response smuggling.
  it.each(presets)('is never sent beside Content-Length: %s', async (_name, start) => {
    running = await start()
    for (const request of [{}, range('0-9'), range('0-9,5000-5009'), range('99999999-')]) {
      const response = await ask(running.port, request)
      expect(response.fields.has('content-length')).toBe(true)
      expect(response.fields.has('transfer-encoding')).toBe(false)
    }
  })
})

describe('a status that a handler has set', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

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
        startExpress5(
          forExpress.rangeServe(),
          (request, response) => void response.status(asked(request)).sendRange(page),
        ),
    ],
    [
      'Koa',
      () =>
        startKoa3(forKoa.rangeServe(), (ctx) => {
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

  it.each(servers)('is ignored if only the decision may set it: %s', async (_name, start) => {
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
