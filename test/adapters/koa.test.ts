// What is particular to Koa: the filter on each kind of body, error handling, prefixes.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Middleware } from 'koa'
import { describe, expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { rangeServe } from '@range-serve/koa'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { errors, koas, run } from '../support/koa.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field } from '../support/raw.ts'

describe.each(koas)('%s', (_name, { Koa, start }) => {
  describe('the filter', () => {
    it('sends a typed array as bytes', async () => {
      const port = await start(rangeServe(), (ctx) => void (ctx.body = new Uint16Array([1, 2, 3])))
      const whole = await ask(port, {})
      expect(field(whole, 'Content-Type')).toBe('application/octet-stream')
      expect(field(whole, 'Accept-Ranges')).toBe('bytes')
      expect([...whole.content]).toEqual([1, 0, 2, 0, 3, 0])
    })

    const bodies: [what: string, known: boolean, set: Middleware][] = [
      ['a string', true, (ctx) => void (ctx.body = 'text')],
      ['JSON', true, (ctx) => void (ctx.body = [1])],
      ['a file stream', true, (ctx) => void (ctx.body = fs.createReadStream(filePath))],
      ['a stream', false, (ctx) => void (ctx.body = Readable.from(['text']))],
      ['nothing', false, (ctx) => void (ctx.status = 204)],
      ['an error page', false, (ctx) => ((ctx.status = 404), void (ctx.body = 'not there'))],
      [
        'Accept-Ranges: none',
        false,
        (ctx) => (ctx.set('Accept-Ranges', 'none'), void (ctx.body = 'a')),
      ],
    ]
    it.each([{}, range('5-9'), range('5-')])(
      'emits the end of a file stream, and closes it: %j',
      async (request) => {
        const events: string[] = []
        const port = await start(rangeServe(), (ctx) => {
          const stream = fs.createReadStream(filePath)
          for (const name of ['end', 'close']) stream.on(name, () => events.push(name))
          ctx.body = stream
        })
        await ask(port, request)
        await until('it is closed', () => events.includes('close'))
        expect(events).toEqual(['end', 'close'])
        await until('all are closed', () => openDescriptors(filePath) === 0)
      },
    )

    it.runIf(fs.existsSync('/proc/version'))(
      'does not change a file whose content is generated while it is read',
      async () => {
        const port = await start(
          rangeServe(),
          (ctx) => void (ctx.body = fs.createReadStream('/proc/version')),
        )
        for (const request of [{}, range('0-4')]) {
          const response = await ask(port, request)
          expect(response.status).toBe(200)
          expect(field(response, 'Content-Length')).toBeUndefined()
          expect(response.content.equals(fs.readFileSync('/proc/version'))).toBe(true)
        }
      },
    )

    it.each(bodies)(
      'sends Accept-Ranges if ranges are supported: %s',
      async (_what, known, set) => {
        const port = await start(rangeServe(), set)
        const response = await ask(port, {})
        const value = field(response, 'Accept-Ranges')
        if (known) expect(value).toBe('bytes')
        else expect(value === undefined || value === 'none').toBe(true)
      },
    )

    it('does not change a stream of unknown length', async () => {
      const port = await start(rangeServe(), (ctx) => void (ctx.body = Readable.from(['te', 'xt'])))
      const response = await ask(port, range('0-1'))
      expect(response.status).toBe(200)
      expect(response.content.toString()).toBe('text')
    })

    it('does not change what bypasses Koa', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.respond = false
        ctx.status = 200
        ctx.res.end('raw')
      })
      const response = await ask(port, range('0-0'))
      expect(response.status).toBe(200)
      expect(response.content.toString()).toBe('raw')
    })

    it('reads a file stream from the first requested byte, and closes it', async () => {
      const streams: fs.ReadStream[] = []
      const port = await start(rangeServe(), (ctx) => {
        const stream = fs.createReadStream(filePath)
        streams.push(stream)
        ctx.body = stream
      })
      const [last, several] = await exchange(port, [range('-1024'), range('0-99,-100')])
      expect(last!.status).toBe(206)
      expect(last!.content.equals(bytes.subarray(-1024))).toBe(true)
      const parts = parseByteranges(field(several!, 'Content-Type')!, several!.content)
      expect(parts.map(({ firstPos }) => firstPos)).toEqual([0, size - 100])
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
      expect(streams.map(({ bytesRead }) => bytesRead)).toEqual([0, 0])
    })

    it('treats a stream of a part of a file as a full representation', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.body = fs.createReadStream(filePath, { start: 100, end: 199 })
      })
      const [whole, last] = await exchange(port, [{}, range('-10')])
      expect(whole!.content.equals(bytes.subarray(100, 200))).toBe(true)
      expect(field(last!, 'Content-Range')).toBe('bytes 90-99/100')
      expect(last!.content.equals(bytes.subarray(190, 200))).toBe(true)
    })

    it('responds with 404 if the file of a stream is missing', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.body = fs.createReadStream(path.join(folder, 'missing'))
      })
      expect((await ask(port, range('0-1'))).status).toBe(404)
    })
  })

  describe('sendRange', () => {
    it('throws a TypeError for what can never be served', async () => {
      const port = await start(rangeServe(), (ctx) => ctx.sendRange('relative/path'))
      expect((await ask(port, {})).status).toBe(500)
      expect(errors).toMatchObject([{ name: 'TypeError', code: 'ERR_RELATIVE_PATH' }])
    })

    it("leaves the application's own method of that name to what is outside", async () => {
      const own = () => {}
      let outside: unknown
      const port = await start(
        async (ctx, next) => {
          Object.assign(ctx.app.context, { sendRange: own })
          await next()
          outside = ctx.app.context['sendRange']
        },
        rangeServe(),
        (ctx) => ctx.sendRange(filePath),
      )
      expect((await ask(port, range('5-9'))).status).toBe(206)
      expect(outside).toBe(own)
    })

    it('is not for what is outside, whose calls would lack the options of rangeServe', async () => {
      const outside: Middleware = async (ctx, next) => {
        if (ctx.path === '/outside') await ctx.sendRange(filePath)
        else await next()
      }
      const port = await start(outside, rangeServe(), (ctx) => ctx.sendRange(filePath))
      const statuses: number[] = []
      for (const target of ['/outside', '/', '/outside']) {
        statuses.push((await ask(port, { path: target })).status)
      }
      expect(statuses).toEqual([500, 200, 500])
      expect(errors).toMatchObject([{ name: 'TypeError' }, { code: 'ERR_NOT_MOUNTED' }])
    })

    it('is no property of a context', async () => {
      let isOwn: boolean | undefined
      const port = await start(rangeServe(), async (ctx) => {
        isOwn = Object.hasOwn(ctx, 'sendRange')
        await ctx.sendRange(filePath)
      })
      expect((await ask(port, range('5-9'))).status).toBe(206)
      expect(isOwn).toBe(false)
    })

    it('throws a 404 for a missing file, and sends the client nothing of its message', async () => {
      const port = await start(rangeServe(), (ctx) => ctx.sendRange(path.join(folder, 'missing')))
      const response = await ask(port, {})
      expect(response.status).toBe(404)
      expect(response.content.toString()).toBe('Not Found')
    })

    it('lets a handler catch the error and send another response', async () => {
      const port = await start(rangeServe(), async (ctx) => {
        try {
          await ctx.sendRange(path.join(folder, 'missing'))
        } catch (error) {
          ctx.body = (error as { code: string }).code
        }
      })
      const response = await ask(port, range('0-2'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('ENO')
    })

    it('resolves when the response is decided, and `finished` when it is over', async () => {
      let finished: Transfer | undefined
      const port = await start(rangeServe(), async (ctx) => {
        const transfer = await ctx.sendRange(filePath)
        expect(transfer).toMatchObject({ status: 206, bytesPlanned: 1_000_000 })
        void transfer.finished.then((value) => (finished = value))
      })
      await ask(port, range('0-999999'))
      await until('it is over', () => finished !== undefined)
      expect(finished).toMatchObject({ bytesSent: 1_000_000, aborted: false })
    })

    it('reports no error when a client disconnects', async () => {
      let finished: Transfer | undefined
      const port = await start(rangeServe(), async (ctx) => {
        const transfer = await ctx.sendRange(filePath)
        void transfer.finished.then((value) => (finished = value))
      })
      await new Promise<void>((resolve, reject) => {
        const request = http.get({ host: '127.0.0.1', port, agent: false }, (response) => {
          response.once('data', () => response.destroy())
          response.once('close', resolve)
        })
        request.on('error', reject)
      })
      await until('it is over', () => finished !== undefined)
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
      expect(finished).toMatchObject({ aborted: true, error: undefined })
      expect(errors).toEqual([])
    })

    it('serves HTTP/2', async () => {
      const app = new Koa()
      app.use(rangeServe())
      app.use((ctx) => ctx.sendRange(filePath))
      const respond = app.callback()
      const port = await run(
        http2.createServer(
          (request, response) => void respond(request as never, response as never),
        ),
      )
      const session = http2.connect(`http://127.0.0.1:${port}`)
      const stream = session.request({ ':path': '/', range: 'bytes=-100000' })
      let status: unknown
      stream.on('response', (fields) => (status = fields[':status']))
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      session.destroy()
      expect(status).toBe(206)
      expect(Buffer.concat(chunks).equals(bytes.subarray(-100_000))).toBe(true)
    })
  })

  it('reports the target that the client sent to onTransfer, however it was rewritten', async () => {
    const told: string[] = []
    const port = await start(
      rangeServe({ onTransfer: ({ url }) => told.push(url) }),
      (ctx, next) => {
        ctx.path = ctx.path.replace('/old', '/new')
        return next()
      },
      (ctx) => {
        if (ctx.path.startsWith('/new/sent')) return ctx.sendRange(filePath)
        ctx.body = ctx.path.endsWith('stream') ? fs.createReadStream(filePath) : 'some text'
        return undefined
      },
    )
    const targets = ['/old/sent?q', '/old/filtered?q', '/old/stream', '/as-it-is']
    for (const target of targets) {
      expect((await ask(port, { path: target, ...range('0-3') })).status).toBe(206)
    }
    await until('all are reported', () => told.length === targets.length)
    expect(told).toEqual(targets)
  })
})
