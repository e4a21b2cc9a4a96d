// Responses in Koa that other code replaces, does not await, or observes.

import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { finished, PassThrough, Readable, Transform } from 'node:stream'
import Koa3, { type Context, type Middleware } from 'koa'
import Koa2 from 'koa2'
import serverless from 'serverless-http'
import { afterEach, describe, expect, it } from 'vitest'
import { fromReader, fromStream, type Source, type Transfer } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/koa'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, exchange, field } from '../support/raw.ts'

const page = path.join(folder, 'page.html')
fs.writeFileSync(page, `<p>${'x'.repeat(50_000)}</p>`)
const html = `<body>${'x'.repeat(40)}</body>`

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('%s', (name, Koa) => {
  let running: Running | undefined
  let errors: (Error & { code?: string })[]
  afterEach(async () => {
    await running?.close()
    running = undefined
  })

  function application(...middleware: Middleware[]) {
    const app = new Koa()
    errors = []
    app.on('error', (error) => errors.push(error as Error))
    for (const each of middleware) app.use(each)
    return app
  }

  async function start(...middleware: Middleware[]): Promise<number> {
    const respond = application(...middleware).callback()
    running = await listen(http.createServer((req, res) => void respond(req, res)))
    return running.port
  }

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

    it('has closed the files', () =>
      until('all files are closed', () => openDescriptors(folder) === 0))

    it('keeps what other code has set, before and since', async () => {
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

    it('is reported as aborted, once, and its source is closed', async () => {
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
      await until('it is told', () => told.length > 0)
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

  it('throws ERR_HEADERS_SENT after flushHeaders, and closes the file', async () => {
    let code: unknown
    const port = await start(rangeServe(), async (ctx) => {
      ctx.status = 200
      ctx.flushHeaders()
      await ctx.sendRange(filePath).catch((error: { code?: string }) => (code = error.code))
      ctx.res.end()
    })
    const response = await ask(port, range('5-9'))
    expect(response.content.length).toBe(0)
    expect(code).toBe('ERR_HEADERS_SENT')
    await until('it is closed', () => openDescriptors(filePath) === 0)
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

    it.each(sources)('sends a part of %s as one if it is 200', async (_of, send) => {
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

  it('sends the head at once if flushHeaders is called after sendRange', async () => {
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(filePath)
      ctx.flushHeaders()
    })
    const [whole, part] = await exchange(port, [{}, range('5-100004')])
    expect(whole!.content.equals(bytes)).toBe(true)
    expect(part!.status).toBe(206)
    expect(part!.content.equals(bytes.subarray(5, 100_005))).toBe(true)
    expect(errors).toEqual([])
    await until('it is closed', () => openDescriptors(filePath) === 0)
  })

  it('lets an `end` that was patched later set fields', async () => {
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(filePath)
      const { end } = ctx.res
      ctx.res.end = function (this: http.ServerResponse, ...args: unknown[]) {
        if (!this.headersSent) this.setHeader('X-Late', '1')
        return Reflect.apply(end, this, args)
      } as typeof end
    })
    const response = await ask(port, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(field(response, 'X-Late')).toBe('1')
    const part = await ask(port, range('5-9'))
    expect(part.content.equals(bytes.subarray(5, 10))).toBe(true)
  })

  it('emits the end of a body that other code watches without reading it', async () => {
    const told: string[] = []
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(filePath)
      const body = ctx.body as Readable
      body.once('end', () => told.push('end'))
      finished(body, (error) => told.push(error?.code ?? 'finished'))
    })
    const [whole, part] = await exchange(port, [{}, range('5-100004')])
    expect(whole!.content.equals(bytes)).toBe(true)
    expect(part!.content.equals(bytes.subarray(5, 100_005))).toBe(true)
    await until('both are told', () => told.length === 4)
    expect(told).toEqual(['end', 'finished', 'end', 'finished'])
    expect(errors).toEqual([])
  })

  describe('sendRange that is not awaited', () => {
    it('is waited for', async () => {
      const port = await start(rangeServe(), (ctx) => void ctx.sendRange(filePath))
      const [whole, part] = await exchange(port, [{}, range('5-100004')])
      expect(whole!.content.equals(bytes)).toBe(true)
      expect(part!.status).toBe(206)
      expect(part!.content.equals(bytes.subarray(5, 100_005))).toBe(true)
    })

    it('has its error handled as any other', async () => {
      const missing = path.join(folder, 'missing')
      const port = await start(rangeServe(), async (ctx) => {
        void ctx.sendRange(missing)
        await new Promise((resolve) => setTimeout(resolve, 20))
      })
      expect((await ask(port, {})).status).toBe(404)
      expect(errors).toMatchObject([{ code: 'ENOENT' }])
    })

    it('replaces a body that was set before', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.body = 'early'
        void ctx.sendRange(filePath)
      })
      for (let i = 0; i < 2; i++) expect((await ask(port, {})).content.equals(bytes)).toBe(true)
    })

    it('replaces an earlier one, and all of its fields', async () => {
      const port = await start(rangeServe(), (ctx) => {
        if (ctx.path === '/')
          void ctx.sendRange(Buffer.from('small'), { etag: '"small"', type: 'txt' })
        void ctx.sendRange(filePath)
      })
      for (let i = 0; i < 2; i++) {
        const [own, both] = [await ask(port, { path: '/own' }), await ask(port, {})]
        expect(both.content.equals(bytes)).toBe(true)
        for (const name of ['ETag', 'Last-Modified', 'Content-Type', 'Content-Length']) {
          expect(field(both, name)).toBe(field(own, name))
        }
      }
    })

    it('does not replace the response to an error', async () => {
      const port = await start(rangeServe(), (ctx) => {
        void ctx.sendRange(filePath)
        throw Object.assign(new Error('no'), { status: 403 })
      })
      const response = await ask(port, range('5-9'))
      expect(response.status).toBe(403)
      expect(response.content.toString()).toBe('Forbidden')
      await until('it is closed', () => openDescriptors(filePath) === 0)
    })
  })

  it('is the body that the handler has set since, even if the file is open already', async () => {
    const port = await start(rangeServe(), (ctx) => {
      void ctx.sendRange(filePath)
      if (ctx.path === '/other') ctx.body = 'other'
    })
    for (const target of ['/other', '/', '/other']) {
      const { content } = await ask(port, { path: target })
      expect(content.equals(target === '/' ? bytes : Buffer.from('other'))).toBe(true)
    }
    expect(errors).toEqual([])
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
      running = await listen(
        http.createServer((req, res) => void (isFirst(req.url) ? first : second)(req, res)),
      )
      await ask(running.port, { path: '/parent' })
      return running.port
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

  it.each(['throws', 'sets a body'])(
    'does not wait for a source if the handler %s',
    async (how) => {
      let closed = 0
      const stuck: Source = {
        length: 100,
        read: () => new Promise(() => {}),
        close: () => void closed++,
      }
      const port = await start(rangeServe(), async (ctx) => {
        const late = new Promise<never>((_, reject) => setTimeout(reject, 20, new Error('late')))
        try {
          await Promise.race([ctx.sendRange(stuck), late])
        } catch (error) {
          if (how === 'throws') throw error
          ctx.status = 504
          ctx.body = 'late'
        }
      })
      expect((await ask(port, {})).status).toBe(how === 'throws' ? 500 : 504)
      await until('the source is closed', () => closed === 1)
    },
  )

  describe('middleware outside of the filter', () => {
    it('may replace a response although a rangeStatic before it has passed', async () => {
      const port = await start(
        rangeStatic(folder, { prefix: '/files' }),
        rangeStatic(folder, { prefix: '/' }),
        async (ctx, next) => {
          await next()
          ctx.body = 'other'
        },
        rangeServe(),
        (ctx) => ctx.sendRange(filePath),
      )
      for (const missing of ['/missing', '/files/missing']) {
        expect((await ask(port, { path: missing })).content.toString()).toBe('other')
      }
    })

    const onTransfer = () => {}
    const changes: [what: string, change: (ctx: Context) => void, body: unknown][] = [
      [
        'adds to a page',
        (ctx) => {
          if (typeof ctx.body === 'string') ctx.body = ctx.body.replace('</body>', '<hr></body>')
        },
        html,
      ],
      [
        'indents JSON',
        (ctx) => {
          if (typeof ctx.body === 'object' && !Buffer.isBuffer(ctx.body)) {
            ctx.body = JSON.stringify(ctx.body, null, 2)
          }
        },
        { a: 'x'.repeat(60) },
      ],
    ]
    it.each(changes)('%s: a slice is of what it makes', async (_what, change, body) => {
      const outer: Middleware = async (ctx, next) => {
        await next()
        change(ctx)
      }
      const handler: Middleware = (ctx) => void (ctx.body = body)
      const alone = await ask(await start(outer, handler), {})
      await running!.close()
      for (const options of [{}, { onTransfer }]) {
        const port = await start(outer, rangeServe(options), handler)
        const [whole, slice] = await exchange(port, [{}, range('45-60')])
        await running!.close()
        expect(whole!.content.equals(alone.content)).toBe(true)
        expect(slice!.status).toBe(206)
        expect(slice!.content.equals(alone.content.subarray(45, 61))).toBe(true)
      }
    })

    it.each([{}, { onTransfer }])('sees the body as the handler made it: %j', async (options) => {
      for (const body of ['text', { a: 1 }, [1, 2], Buffer.from('bytes')]) {
        let seen: unknown
        const port = await start(
          async (ctx, next) => {
            await next()
            seen = ctx.body
          },
          rangeServe(options),
          (ctx) => void (ctx.body = body),
        )
        for (const request of [{}, range('1-2')]) {
          await ask(port, request)
          expect(seen).toBe(body)
        }
        await running!.close()
      }
    })
  })

  it('does not change a response that a server in front replaces', async () => {
    for (const header of ['X-Sendfile', 'X-Accel-Redirect']) {
      const port = await start(rangeServe(), (ctx) => {
        ctx.set(header, '/srv/a')
        ctx.body = 'the file comes from elsewhere'
      })
      const response = await ask(port, range('0-3'))
      await running!.close()
      expect(response.status).toBe(200)
      expect(field(response, 'Accept-Ranges')).toBeUndefined()
    }
  })

  it('adds no Content-Type to a range if the full response has none', async () => {
    const port = await start(rangeServe(), (ctx) => {
      ctx.body = ctx.path === '/text' ? 'some text' : Readable.from([bytes])
      ctx.remove('Content-Type')
      if (ctx.path !== '/text') ctx.length = size
    })
    for (const target of ['/text', '/stream']) {
      const response = await ask(port, { path: target, ...range('1-3') })
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBeUndefined()
    }
  })

  it.each([undefined, null, 'a string'])(
    'responds with an error to a source that rejects with %j',
    async (reason) => {
      const source: Source = { length: 100, read: () => Promise.reject(reason as never) }
      const port = await start(rangeServe(), (ctx) => ctx.sendRange(source))
      expect((await ask(port, {})).status).toBe(500)
      expect(errors.length).toBe(1)
    },
  )

  it('honours an aborted signal, for bytes in memory too', async () => {
    for (const source of [Buffer.from('bytes'), filePath]) {
      const port = await start(rangeServe(), (ctx) =>
        ctx.sendRange(source, { signal: AbortSignal.abort() }),
      )
      expect((await ask(port, {})).status).toBe(500)
      await running!.close()
      expect(errors.map((error) => error.name)).toEqual(['AbortError'])
    }
  })

  it('keeps a Last-Modified that is no HTTP-date on a full response', async () => {
    const port = await start(rangeServe(), (ctx) => {
      ctx.set('Last-Modified', '2026-01-02T03:04:05Z')
      ctx.body = ctx.path === '/file' ? fs.createReadStream(page) : 'text'
    })
    for (const target of ['/file', '/text']) {
      const response = await ask(port, { path: target })
      expect(field(response, 'Last-Modified')).toBe('2026-01-02T03:04:05Z')
    }
  })

  it('reads, and closes, in the context of the request', async () => {
    const contexts = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const source = (): Source => ({
      length: size,
      async *read({ firstPos, lastPos }) {
        for (let at = firstPos; at <= lastPos; at += 10_000) {
          seen.push(contexts.getStore())
          yield bytes.subarray(at, Math.min(lastPos + 1, at + 10_000))
        }
      },
      close: () => void seen.push(contexts.getStore()),
    })
    const onTransfer = () => void seen.push(contexts.getStore())
    const port = await start(
      (ctx, next) => contexts.run(ctx.path, next),
      rangeServe({ onTransfer }),
      (ctx) => (ctx.path === '/text' ? void (ctx.body = 'text') : ctx.sendRange(source())),
    )
    for (const target of ['/whole', '/text']) {
      seen.length = 0
      await ask(port, { path: target })
      await until('it is over', () => seen.length > (target === '/text' ? 0 : 420))
      expect(new Set(seen)).toEqual(new Set([target]))
    }
  })

  it('continues when the client disconnects from a source that never settles', async () => {
    let hasGoneOn = false
    const source: Source = { length: 100, read: () => new Promise(() => {}) }
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(source)
      hasGoneOn = true
    })
    const request = http.get({ host: '127.0.0.1', port }).on('error', () => {})
    setTimeout(() => request.destroy(), 50)
    await until('the handler goes on', () => hasGoneOn)
    expect(errors).toEqual([])
  })

  it('does not end an upstream response before its own is out', async () => {
    const upstream = await listen(http.createServer((_req, res) => void res.end(bytes)))
    const port = await start(rangeServe(), async (ctx) => {
      const response = await new Promise<http.IncomingMessage>((resolve) => {
        http.get({ host: '127.0.0.1', port: upstream.port, agent: false }, resolve)
      })
      // As proxies do, which must not take a broken response for a complete one.
      response.on('close', () => {
        if (!response.complete && !ctx.res.writableFinished) ctx.res.destroy()
      })
      ctx.body = response
      ctx.length = size
    })
    for (const request of [range('5-104'), range('5-200004'), range(`${size}-`)]) {
      const response = await ask(port, request)
      expect([206, 416]).toContain(response.status)
      if (response.status === 206) expect(response.content[0]).toBe(5)
    }
    await upstream.close()
  })

  it('is sent on a host without sockets', async () => {
    const told: Transfer[] = []
    const finished: Transfer[] = []
    const app = application(
      rangeServe({ onTransfer: (transfer) => void told.push(transfer) }),
      async (ctx) => {
        if (ctx.path === '/send') {
          void (await ctx.sendRange(filePath)).finished.then((each) => finished.push(each))
        } else if (ctx.path === '/stream') {
          const chain = fs.createReadStream(filePath).pipe(new PassThrough())
          await ctx.sendRange(fromStream(chain, { length: size }))
        } else if (ctx.path === '/file') ctx.body = fs.createReadStream(filePath)
        else ctx.body = 'text'.repeat(100)
      },
    )
    const handle = serverless(app as never, { binary: true })
    const paths = ['/', '/send', '/file', '/stream']
    for (const target of paths) {
      for (const [headers, status] of [
        [{}, 200],
        [{ range: 'bytes=5-9' }, 206],
      ] as const) {
        const event = { httpMethod: 'GET', path: target, headers, requestContext: {} }
        const response = (await handle(event as never, {} as never)) as { statusCode: number }
        expect(response.statusCode, target).toBe(status)
      }
    }
    await until('all are told', () => told.length === 2 * paths.length && finished.length === 2)
    expect(told.filter(({ aborted }) => aborted)).toEqual([])
    expect(errors).toEqual([])
    await until('all files are closed', () => openDescriptors(folder) === 0)
  })

  it(`closes the file of rangeStatic on a response that was begun (${name})`, async () => {
    let code: unknown
    const port = await start(
      async (ctx, next) => {
        ctx.status = 200
        ctx.flushHeaders()
        await next().catch((error: { code?: string }) => (code = error.code))
        ctx.res.end()
      },
      rangeStatic(folder, { fallthrough: false }),
    )
    await ask(port, { path: '/page.html', ...range('5-9') })
    expect(code).toBe('ERR_HEADERS_SENT')
    await until('it is closed', () => openDescriptors(folder) === 0)
  })
})
