// sendRange in Koa that is not awaited, that fails, or that an error follows.

import http from 'node:http'
import path from 'node:path'
import type { Middleware } from 'koa'
import { describe, expect, it } from 'vitest'
import type { Source } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/koa'
import { bytes, filePath, folder, range } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { errors, koas, running } from '../support/koa.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'

describe.each(koas)('%s', (name, { start }) => {
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

  describe('sendRange that is not awaited', () => {
    it('is waited for', async () => {
      const port = await start(rangeServe(), (ctx) => void ctx.sendRange(filePath))
      const [whole, part] = await exchange(port, [{}, range('5-100004')])
      expect(whole!.content.equals(bytes)).toBe(true)
      expect(part!.status).toBe(206)
      expect(part!.content.equals(bytes.subarray(5, 100_005))).toBe(true)
    })

    it('has its error handled like any other', async () => {
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

  it('keeps a body that the handler sets after sendRange, even if the file is open already', async () => {
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

  it('lets the handler continue when the client disconnects from a source that never settles', async () => {
    let hasContinued = false
    const source: Source = { length: 100, read: () => new Promise(() => {}) }
    const port = await start(rangeServe(), async (ctx) => {
      await ctx.sendRange(source)
      hasContinued = true
    })
    const request = http.get({ host: '127.0.0.1', port }).on('error', () => {})
    setTimeout(() => request.destroy(), 50)
    await until('the handler continues', () => hasContinued)
    expect(errors).toEqual([])
  })

  it(`closes the file of rangeStatic on a response that has begun (${name})`, async () => {
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
    await ask(port, { path: '/file.bin', ...range('5-9') })
    expect(code).toBe('ERR_HEADERS_SENT')
    await until('it is closed', () => openDescriptors(folder) === 0)
  })

  const decided: [what: string, request: RawRequest, handler: Middleware][] = [
    ['a full response with a tag', {}, (ctx) => ctx.sendRange(filePath)],
    ['a part', range('0-9'), (ctx) => ctx.sendRange(filePath)],
    ['parts', range('0-9,5000-5009'), (ctx) => ctx.sendRange(filePath)],
    ['an unsatisfiable range', range('99999999-'), (ctx) => ctx.sendRange(filePath)],
    ['a part without a tag', range('0-9'), (ctx) => ctx.sendRange(bytes)],
  ]
  const fieldsOfPlan = ['ETag', 'Last-Modified', 'Content-Range', 'Accept-Ranges', 'Cache-Control']

  it.each(decided)('accepts a record of fields after %s', async (_what, request, handler) => {
    const port = await start(async (ctx, next) => {
      await next()
      ctx.set({ 'X-Time': '3', 'X-Frame-Options': 'DENY' })
    }, rangeServe(), handler) // prettier-ignore
    const response = await ask(port, request)
    expect(response.status).toBeLessThan(417)
    expect(field(response, 'X-Time')).toBe('3')
    expect(field(response, 'X-Frame-Options')).toBe('DENY')
    expect(errors).toEqual([])
  })

  it.each(decided)(
    'responds with the error of middleware after %s',
    async (_what, request, handler) => {
      const failing: Middleware = async (ctx, next) => {
        await handler(ctx, next)
        throw new Error('later')
      }
      const caught: Middleware = (ctx, next) =>
        next().catch(() => {
          ctx.status = 500
          ctx.body = 'oops'
        })
      for (const uses of [[caught, rangeServe()], [rangeServe(), caught], [rangeServe()]]) {
        const port = await start(...uses, failing)
        const response = await ask(port, request)
        await running!.close()
        expect(response.status).toBe(500)
        expect(response.content.toString()).toBe(uses.length > 1 ? 'oops' : 'Internal Server Error')
        expect(field(response, 'Content-Type')).toBe('text/plain; charset=utf-8')
        expect(field(response, 'Content-Length')).toBe(String(response.content.length))
        for (const name of fieldsOfPlan) expect(field(response, name), name).toBeUndefined()
      }
    },
  )
})
