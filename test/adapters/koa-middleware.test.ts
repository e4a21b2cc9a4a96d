// The filter of Koa beside other code: middleware outside of it, patches, upstreams, hosts.

import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import http from 'node:http'
import { finished, PassThrough, Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import serverless from 'serverless-http'
import { describe, expect, it } from 'vitest'
import { fromStream, type Source, type Transfer } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/koa'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { errors, koas, running } from '../support/koa.ts'
import { listen } from '../support/listen.ts'
import { ask, exchange, field } from '../support/raw.ts'

const html = `<body>${'x'.repeat(40)}</body>`

describe.each(koas)('%s', (_name, { application, start }) => {
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
    await until('both are reported', () => told.length === 4)
    expect(told).toEqual(['end', 'finished', 'end', 'finished'])
    expect(errors).toEqual([])
  })

  describe('middleware outside of the filter', () => {
    it('may replace a response even if a rangeStatic before it has passed the request on', async () => {
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
    it.each(changes)('%s: a slice is taken from its result', async (_what, change, body) => {
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

  it('keeps a Last-Modified that is not an HTTP-date on a full response', async () => {
    const port = await start(rangeServe(), (ctx) => {
      ctx.set('Last-Modified', '2026-01-02T03:04:05Z')
      ctx.body = ctx.path === '/file' ? fs.createReadStream(filePath) : 'text'
    })
    for (const target of ['/file', '/text']) {
      const response = await ask(port, { path: target })
      expect(field(response, 'Last-Modified')).toBe('2026-01-02T03:04:05Z')
    }
  })

  it('reads and closes a source in the context of the request', async () => {
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

  it('does not end an upstream response before its own is sent', async () => {
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

  it('sends responses on a host without sockets', async () => {
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
    await until('all are reported', () => told.length === 2 * paths.length && finished.length === 2)
    expect(told.filter(({ aborted }) => aborted)).toEqual([])
    expect(errors).toEqual([])
    await until('all files are closed', () => openDescriptors(folder) === 0)
  })
})
