// Responses in Koa that other code replaces after sendRange, or gives another status.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { Readable, Transform } from 'node:stream'
import type { Middleware } from 'koa'
import { describe, expect, it } from 'vitest'
import { fromReader, fromStream, type Source, type Transfer } from '@range-serve/core'
import { rangeServe } from '@range-serve/koa'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { errors, koas, run, running } from '../support/koa.ts'
import { ask, exchange, field } from '../support/raw.ts'

const page = path.join(folder, 'page.html')
fs.writeFileSync(page, `<p>${'x'.repeat(50_000)}</p>`)

describe.each(koas)('%s', (_name, { Koa, application, start }) => {
  describe('another body after sendRange', () => {
    const bodies: [what: string, body: () => unknown, content: string, type: string][] = [
      ['a string', () => 'oops', 'oops', 'text/plain; charset=utf-8'],
      ['JSON', () => ({ a: 1 }), '{"a":1}', 'application/json; charset=utf-8'],
      ['a Buffer', () => Buffer.from('oops'), 'oops', 'application/octet-stream'],
      ['a stream', () => Readable.from(['oops']), 'oops', 'application/octet-stream'],
    ]
    const places: [where: string, uses: (replace: Middleware) => Middleware[]][] = [
      ['inside', (replace) => [rangeServe(), replace]],
      ['outside', (replace) => [replace, rangeServe()]],
    ]
    const sources: [of: string, send: Middleware][] = [
      ['a file', (ctx) => ctx.sendRange(filePath)],
      ['a small file', (ctx) => ctx.sendRange(page)],
      ['bytes', (ctx) => ctx.sendRange(bytes, { etag: '"b"', filename: 'b.bin' })],
    ]
    it.each(
      sources.flatMap(([of, send]) =>
        places.flatMap(([where, uses]) =>
          bodies.map((each) => [`${each[0]} for ${of}, ${where}`, send, uses, each] as const),
        ),
      ),
    )('has nothing of the file: %s', async (_title, send, uses, [, body, content, type]) => {
      const replace: Middleware = async (ctx, next) => {
        await next()
        ctx.body = body()
      }
      const port = await start(...uses(replace), send)
      for (const request of [{}, range('5-9'), range('5-9,90-99')]) {
        const response = await ask(port, request)
        expect(response.status).toBe(200)
        expect(response.content.toString()).toBe(content)
        expect(field(response, 'Content-Type')).toBe(type)
        for (const each of ['ETag', 'Last-Modified', 'Content-Range', 'Content-Disposition']) {
          expect(field(response, each), each).toBeUndefined()
        }
      }
      expect(errors).toEqual([])
    })

    it('leaves no file open', () =>
      until('all files are closed', () => openDescriptors(folder) === 0))

    it('keeps the fields that other code sets, before and after', async () => {
      const port = await start(rangeServe(), async (ctx) => {
        ctx.set({ ETag: '"mine"', 'X-Before': '1' })
        await ctx.sendRange(filePath)
        ctx.set({ 'Cache-Control': 'no-store', 'X-Since': '1' })
        ctx.status = 503
        ctx.body = 'oops'
      })
      const response = await ask(port, range('5-9'))
      expect(response.status).toBe(503)
      expect(response.content.toString()).toBe('oops')
      expect(field(response, 'ETag')).toBe('"mine"')
      expect(field(response, 'Cache-Control')).toBe('no-store')
      expect(field(response, 'X-Before')).toBe('1')
      expect(field(response, 'X-Since')).toBe('1')
    })

    it('has the transfer reported as aborted, once, and the source closed', async () => {
      const told: Transfer[] = []
      let closed = 0
      const source: Source = {
        ...fromReader({ length: size, read: ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1) as never }), // prettier-ignore
        close: () => void closed++,
      }
      const port = await start(
        rangeServe({ onTransfer: (transfer) => void told.push(transfer) }),
        async (ctx) => {
          await ctx.sendRange(source)
          ctx.body = 'oops'
        },
      )
      await ask(port, {})
      await until('it is reported', () => told.length > 0)
      expect(told).toMatchObject([{ aborted: true }])
      expect(closed).toBe(1)
    })

    it('keeps the fields of a stream that reads the file', async () => {
      const pace: Middleware = async (ctx, next) => {
        await next()
        const through = new Transform({ transform: (chunk, _, done) => done(null, chunk) })
        ctx.body = (ctx.body as Readable).pipe(through)
      }
      const port = await start(pace, rangeServe(), (ctx) => ctx.sendRange(filePath))
      const response = await ask(port, range('5-200004'))
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Range')).toBe(`bytes 5-200004/${size}`)
      expect(response.content.equals(bytes.subarray(5, 200_005))).toBe(true)
    })
  })

  it('gives a second sendRange its own fields alone', async () => {
    const once = await start(rangeServe(), (ctx) => ctx.sendRange(page))
    const expected = await exchange(once, [{}, range('5-9')])
    await running!.close()
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(filePath, { filename: 'film.mp4', maxAge: '1d' })
      await ctx.sendRange(page)
    })
    for (const [i, response] of (await exchange(port, [{}, range('5-9')])).entries()) {
      const { status, fields, content } = expected[i]!
      expect(response.status).toBe(status)
      expect(response.content.equals(content)).toBe(true)
      const undated = (all: typeof fields) => [...all].filter(([each]) => each !== 'date')
      expect(undated(response.fields)).toEqual(undated(fields))
    }
  })

  describe('another status after sendRange', () => {
    const sources: [of: string, send: Middleware][] = [
      ['a file', (ctx) => ctx.sendRange(page)],
      ['bytes', (ctx) => ctx.sendRange(fs.readFileSync(page))],
      [
        'a stream',
        (ctx) => ctx.sendRange(fromStream(fs.createReadStream(page), { length: 50_007 })),
      ],
    ]
    it.each(sources)('sends %s in full with the status of an error page', async (of, send) => {
      const port = await start(rangeServe(), async (ctx, next) => {
        await send(ctx, next)
        ctx.status = 404
      })
      const requests = [{}, range('5-9'), { headers: [['If-None-Match', '*']] as const }]
      const responses = await exchange(port, of === 'a stream' ? [{}] : requests)
      for (const response of responses) {
        expect(response.status).toBe(404)
        expect(response.content.equals(fs.readFileSync(page))).toBe(true)
      }
      expect(errors).toEqual([])
      await until('it is closed', () => openDescriptors(page) === 0)
    })

    it('sends the text of the status in place of a part that can be read once', async () => {
      const port = await start(rangeServe(), async (ctx) => {
        await ctx.sendRange(fromStream(fs.createReadStream(page), { length: 50_007 }))
        ctx.status = 404
      })
      const response = await ask(port, range('5-9'))
      expect(response.status).toBe(404)
      expect(response.content.toString()).toBe('Not Found')
      await until('it is closed', () => openDescriptors(page) === 0)
    })

    it.each(sources)('sends a part of %s with 206 if it is 200', async (_of, send) => {
      const port = await start(rangeServe(), async (ctx, next) => {
        await send(ctx, next)
        ctx.status = 200
      })
      const [part, none] = await exchange(port, [range('5-9'), range('99999999-')])
      expect(part!.status).toBe(206)
      expect(part!.content.equals(fs.readFileSync(page).subarray(5, 10))).toBe(true)
      expect(none!.status).toBe(416)
      expect(errors).toEqual([])
      await until('it is closed', () => openDescriptors(page) === 0)
    })
  })

  describe('objects that inherit from those of Koa', () => {
    /** An application whose contexts and responses inherit from those of another that is used, too. */
    async function startHeir(handler: Middleware): Promise<number> {
      const parent = application(rangeServe(), (ctx) => ctx.sendRange(filePath))
      const heir = application(rangeServe(), handler)
      heir.context = Object.create(parent.context) as typeof parent.context
      heir.response = Object.create(parent.response) as typeof parent.response
      const [first, second] = [parent.callback(), heir.callback()]
      const isFirst = (url?: string) => url === '/parent'
      const port = await run(
        http.createServer((req, res) => void (isFirst(req.url) ? first : second)(req, res)),
      )
      await ask(port, { path: '/parent' })
      return port
    }
    /** A context of the same application that is seen before any that inherits. */
    async function startWrapped(handler: Middleware): Promise<number> {
      const port = await start(rangeServe(), (ctx, next) =>
        handler((ctx.path === '/' ? Object.create(ctx) : ctx) as typeof ctx, next),
      )
      await ask(port, {})
      await ask(port, { path: '/plain' })
      return port
    }
    const own = (proto: object) => Object.getOwnPropertyDescriptor(proto, 'body')!
    /** An accessor of the response's own, on top of Koa's. */
    function startShadowed(handler: Middleware): Promise<number> {
      return start(rangeServe(), (ctx, next) => {
        const accessor = own(Object.getPrototypeOf(new Koa().response) as object)
        Object.defineProperty(ctx.response, 'body', { ...accessor, configurable: true })
        return handler(ctx, next)
      })
    }
    const starts = [
      ['an application', startHeir],
      ['a context', startWrapped],
      ['an accessor', startShadowed],
    ] as const
    it.each(starts)('send a body that was read before: %s', async (_what, startIt) => {
      const port = await startIt(async (ctx) => {
        await ctx.sendRange(filePath)
        expect(ctx.body).toBeInstanceOf(Readable)
      })
      expect((await ask(port, {})).content.equals(bytes)).toBe(true)
    })

    it.each(starts)('send another body: %s', async (_what, startIt) => {
      const port = await startIt(async (ctx) => {
        await ctx.sendRange(filePath)
        ctx.body = 'other'
      })
      const response = await ask(port, {})
      expect(response.content.toString()).toBe('other')
      expect(field(response, 'etag')).toBeUndefined()
    })

    it.each(starts)('report an error: %s', { timeout: 5000 }, async (_what, startIt) => {
      const port = await startIt(async (ctx) => {
        await ctx.sendRange(filePath)
        ctx.respond = false
        ctx.onerror(new Error('late'))
      })
      expect((await ask(port, {})).status).toBe(500)
      expect(errors.at(-1)?.message).toBe('late')
    })
  })
})
