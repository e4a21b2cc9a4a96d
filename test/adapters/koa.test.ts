// What only Koa has: the filter on every kind of body, its error handling.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { Readable } from 'node:stream'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { afterEach, describe, expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/koa'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('%s', (name, Koa) => {
  let running: Running
  let errors: unknown[]
  afterEach(() => running.close())

  async function start(...middleware: Middleware[]): Promise<number> {
    const app = new Koa()
    errors = []
    app.on('error', (error) => errors.push(error))
    for (const each of middleware) app.use(each)
    const answer = app.callback()
    const handler: http.RequestListener = (request, response) => void answer(request, response)
    running = await listen(http.createServer(handler))
    return running.port
  }

  const decided: [what: string, request: RawRequest, handler: Middleware][] = [
    ['a whole with a tag', {}, (ctx) => ctx.sendRange(filePath)],
    ['a part', range('0-9'), (ctx) => ctx.sendRange(filePath)],
    ['parts', range('0-9,5000-5009'), (ctx) => ctx.sendRange(filePath)],
    ['what is not there', range('99999999-'), (ctx) => ctx.sendRange(filePath)],
    ['a part without a tag', range('0-9'), (ctx) => ctx.sendRange(bytes)],
  ]
  const fieldsOfPlan = ['ETag', 'Last-Modified', 'Content-Range', 'Accept-Ranges', 'Cache-Control']

  it.each(decided)('takes fields by the record behind %s', async (_what, request, handler) => {
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
    'answers what goes wrong behind %s as an error',
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
        await running.close()
        expect(response.status).toBe(500)
        expect(response.content.toString()).toBe(uses.length > 1 ? 'oops' : 'Internal Server Error')
        expect(field(response, 'Content-Type')).toBe('text/plain; charset=utf-8')
        expect(field(response, 'Content-Length')).toBe(String(response.content.length))
        for (const name of fieldsOfPlan) expect(field(response, name), name).toBeUndefined()
      }
    },
  )

  it('leaves to the next middleware what rangeStatic had open and is gone', async () => {
    const port = await start(rangeStatic(folder), (ctx) => void (ctx.status = 299))
    const gone = path.join(folder, `gone-${name}`)
    fs.writeFileSync(gone, 'some text')
    expect((await ask(port, { path: `/gone-${name}`.replace(' ', '%20') })).status).toBe(200)
    fs.unlinkSync(gone)
    expect((await ask(port, { path: `/gone-${name}`.replace(' ', '%20') })).status).toBe(299)
    await until('it is closed', () => openDescriptors(gone) === 0)
  })

  describe('the filter', () => {
    it('cuts JSON', async () => {
      const port = await start(rangeServe(), (ctx) => void (ctx.body = { a: 'bcdef' }))
      const response = await ask(port, range('2-4'))
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/json; charset=utf-8')
      expect(response.content.toString()).toBe('a":')
    })

    it('counts bytes, not characters, of a string', async () => {
      const port = await start(rangeServe(), (ctx) => void (ctx.body = 'äöü'))
      const response = await ask(port, range('1-2'))
      expect(field(response, 'Content-Range')).toBe('bytes 1-2/6')
      expect(response.content.equals(Buffer.from('äöü').subarray(1, 3))).toBe(true)
    })

    it('sends a typed array as the bytes it is', async () => {
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
      'tells a file stream of its end, and closes it: %j',
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
      'leaves a file alone whose content is made as it is read',
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

    it.each(bodies)('says Accept-Ranges where it can keep it: %s', async (_what, known, set) => {
      const port = await start(rangeServe(), set)
      const response = await ask(port, {})
      const value = field(response, 'Accept-Ranges')
      if (known) expect(value).toBe('bytes')
      else expect(value === undefined || value === 'none').toBe(true)
    })

    it('leaves a stream of unknown length alone', async () => {
      const port = await start(rangeServe(), (ctx) => void (ctx.body = Readable.from(['te', 'xt'])))
      const response = await ask(port, range('0-1'))
      expect(response.status).toBe(200)
      expect(response.content.toString()).toBe('text')
    })

    it('leaves alone what bypasses Koa', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.respond = false
        ctx.status = 200
        ctx.res.end('raw')
      })
      const response = await ask(port, range('0-0'))
      expect(response.status).toBe(200)
      expect(response.content.toString()).toBe('raw')
    })

    it('changes nothing when it is applied twice', async () => {
      const port = await start(rangeServe(), rangeServe(), (ctx) => void (ctx.body = 'some text'))
      const response = await ask(port, range('5-'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('text')
    })

    it('reads a file stream from the first byte asked for, and closes it', async () => {
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

    it('takes the part of a file that a stream was told to read for the whole', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.body = fs.createReadStream(filePath, { start: 100, end: 199 })
      })
      const [whole, last] = await exchange(port, [{}, range('-10')])
      expect(whole!.content.equals(bytes.subarray(100, 200))).toBe(true)
      expect(field(last!, 'Content-Range')).toBe('bytes 90-99/100')
      expect(last!.content.equals(bytes.subarray(190, 200))).toBe(true)
    })

    it('answers 404 where the file of a stream is missing', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.body = fs.createReadStream(path.join(folder, 'missing'))
      })
      expect((await ask(port, range('0-1'))).status).toBe(404)
    })

    it('sends the whole where too much would have to be read past', async () => {
      const port = await start(rangeServe({ maxSkip: 1000 }), (ctx) => {
        ctx.body = Readable.from([bytes])
        ctx.length = size
      })
      expect((await ask(port, range('1000-1009'))).status).toBe(206)
      expect((await ask(port, range('1001-1009'))).status).toBe(200)
    })

    it('tells onTransfer of filtered answers', async () => {
      const transfers: Transfer[] = []
      const onTransfer = (transfer: Transfer) => void transfers.push(transfer)
      const port = await start(rangeServe({ onTransfer }), (ctx) => void (ctx.body = 'some text'))
      await ask(port, { path: '/a?b', ...range('0-3') })
      await until('it is told', () => transfers.length === 1)
      expect(transfers[0]).toMatchObject({
        url: '/a?b',
        status: 206,
        ranges: [{ firstPos: 0, lastPos: 3 }],
        completeLength: 9,
        bytesPlanned: 4,
        bytesSent: 4,
        aborted: false,
      })
    })
  })

  describe('sendRange', () => {
    it('throws a TypeError for what can never be served', async () => {
      const port = await start(rangeServe(), (ctx) => ctx.sendRange('relative/path'))
      expect((await ask(port, {})).status).toBe(500)
      expect(errors).toMatchObject([{ name: 'TypeError', code: 'ERR_RELATIVE_PATH' }])
    })

    it('throws 404 for a file that is missing, and no text of it reaches the client', async () => {
      const port = await start(rangeServe(), (ctx) => ctx.sendRange(path.join(folder, 'missing')))
      const response = await ask(port, {})
      expect(response.status).toBe(404)
      expect(response.content.toString()).toBe('Not Found')
    })

    it('lets a handler catch that and answer otherwise', async () => {
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

    it('resolves when the answer is decided, and tells when it is over', async () => {
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

    it('takes fields that were set before for its own', async () => {
      const port = await start(rangeServe(), (ctx) => {
        ctx.set({
          ETag: '"mine"',
          'Cache-Control': 'private',
          'Content-Type': 'application/x-mine',
        })
        return ctx.sendRange(filePath)
      })
      const response = await ask(port, {
        headers: [
          ['Range', 'bytes=0-1'],
          ['If-Range', '"mine"'],
        ],
      })
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/x-mine')
      expect(field(response, 'Cache-Control')).toBe('private, no-transform')
    })

    it('says nothing when a client leaves', async () => {
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
      const answer = app.callback()
      running = await listen(
        http2.createServer((request, response) => void answer(request as never, response as never)),
      )
      const session = http2.connect(`http://127.0.0.1:${running.port}`)
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

  it('tells onTransfer of the target that the client sent, whatever it was rewritten to', async () => {
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
    await until('all are told', () => told.length === targets.length)
    expect(told).toEqual(targets)
  })

  describe('rangeStatic', () => {
    it('serves a folder below its prefix, and nothing beside it', async () => {
      const port = await start(
        rangeServe(),
        rangeStatic(folder, { prefix: '/media', maxAge: '1d' }),
        (ctx) => void (ctx.status = 299),
      )
      const response = await ask(port, { path: '/media/file.bin?x', ...range('0-9') })
      expect(response.status).toBe(206)
      expect(field(response, 'Cache-Control')).toBe('public, max-age=86400, no-transform')
      expect((await ask(port, { path: '/mediafile.bin' })).status).toBe(299)
      expect((await ask(port, { path: '/file.bin' })).status).toBe(299)
      expect((await ask(port, { path: '/media/../media/missing' })).status).toBe(299)
      expect((await ask(port, { path: '/media/%2e%2e/file.bin' })).status).toBe(299)
    })

    it.each([
      ['/media', ['/media', '/m%65dia']],
      ['media/', ['/media']],
      ['/my files', ['/my%20files']],
      ['/my%20files', ['/my%20files']],
      ['/a/\u00e4 & b', ['/a/%C3%A4%20&%20b', '/%61/%c3%a4%20%26%20b']],
      ['/100%', ['/100%25']],
      ['', ['']],
      ['/', ['']],
    ])('is mounted at %j, encoded or not', async (prefix, mounts) => {
      const port = await start(
        rangeStatic(folder, { prefix, fallthrough: false }),
        (ctx) => void (ctx.status = 299),
      )
      for (const mount of mounts) {
        expect((await ask(port, { path: `${mount}/file.bin?x`, ...range('0-9') })).status).toBe(206)
        expect((await ask(port, { path: `${mount}/missing` })).status).toBe(404)
        expect((await ask(port, { path: `${mount}/..%2ffile.bin` })).status).toBe(404)
      }
      if (mounts[0] === '') return
      const beside = [
        '/',
        `${mounts[0]}s/file.bin`,
        `${mounts[0]}%2ffile.bin`,
        '/%ff/file.bin',
        '/my',
      ]
      for (const target of beside) {
        expect((await ask(port, { path: target })).status, target).toBe(299)
      }
    })

    it('begins with the options of rangeServe, and goes on with its own', async () => {
      const told: string[] = []
      const tell = (who: string) => (transfer: Transfer) => void told.push(`${who} ${transfer.url}`)
      const defaults = { onTransfer: tell('default'), maxRanges: 1 }
      const own = { onTransfer: tell('own'), maxRanges: 2 }
      const port = await start(
        rangeServe(defaults),
        rangeStatic(folder, { prefix: '/served' }),
        rangeStatic(folder, { prefix: '/own', ...own }),
      )
      const whole = await ask(port, { path: '/served/file.bin', ...range('0-0,90000-90000') })
      expect(whole.status).toBe(200) // of the default
      const several = await ask(port, { path: '/own/file.bin', ...range('0-0,90000-90000') })
      expect(several.status).toBe(206) // of its own
      await until('both are told of, once', () => told.length > 1)
      expect(told).toEqual(['default /served/file.bin', 'own /own/file.bin'])
    })

    it('decides itself which files there are', async () => {
      const site = path.join(folder, 'defaults')
      fs.mkdirSync(site, { recursive: true })
      fs.writeFileSync(path.join(site, 'in.txt'), 'in')
      fs.writeFileSync(path.join(site, '.hidden'), 'hidden')
      fs.rmSync(path.join(site, 'out'), { force: true })
      fs.symlinkSync(filePath, path.join(site, 'out'))
      const defaults = { root: '/nowhere', dotfiles: 'allow', followSymlinks: true } as const
      const port = await start(rangeServe(defaults), rangeStatic(site))
      expect((await ask(port, { path: '/in.txt' })).content.toString()).toBe('in')
      expect((await ask(port, { path: '/.hidden' })).status).toBe(404)
      expect((await ask(port, { path: '/out' })).status).toBe(404)
    })

    it('says that it takes no ranges where all answers are to', async () => {
      const port = await start(
        rangeServe({ acceptRanges: false }),
        rangeStatic(folder, { prefix: '/served' }),
        rangeStatic(folder, { prefix: '/own', acceptRanges: true }),
      )
      const none = await ask(port, { path: '/served/file.bin', ...range('0-9') })
      expect(none.status).toBe(200)
      expect(field(none, 'Accept-Ranges')).toBe('none')
      expect((await ask(port, { path: '/own/file.bin', ...range('0-9') })).status).toBe(206)
    })

    it('leaves a Cache-Control that somebody has set, unless it is told another', async () => {
      const setHeaders = (response: http.ServerResponse) =>
        void response.setHeader('Cache-Control', 'immutable')
      const port = await start(
        (ctx, next) => {
          if (/before|said/.test(ctx.path)) ctx.set('Cache-Control', 'private')
          return next()
        },
        rangeStatic(folder, { prefix: '/default' }),
        rangeStatic(folder, { prefix: '/set-headers', setHeaders }),
        rangeStatic(folder, { prefix: '/before' }),
        rangeStatic(folder, { prefix: '/before-max-age', maxAge: '1d', immutable: true }),
        rangeStatic(folder, { prefix: '/said', cacheControl: 'no-store' }),
      )
      const answers: [path: string, cacheControl: string][] = [
        ['/default', 'public, max-age=0'],
        ['/set-headers', 'immutable'],
        ['/before', 'private'],
        ['/before-max-age', 'private'],
        ['/said', 'no-store'],
      ]
      for (const [at, cacheControl] of answers) {
        const [whole, part] = await exchange(port, [
          { path: `${at}/file.bin` },
          { path: `${at}/file.bin`, ...range('0-9') },
        ])
        expect(field(whole!, 'Cache-Control'), at).toBe(cacheControl)
        expect(field(part!, 'Cache-Control'), at).toBe(`${cacheControl}, no-transform`)
      }
    })

    it('answers itself where it is told to', async () => {
      const port = await start(rangeStatic(folder, { fallthrough: false }))
      expect((await ask(port, { path: '/missing' })).status).toBe(404)
      expect((await ask(port, { path: '/%ff' })).status).toBe(400)
      const post = await ask(port, { path: '/file.bin', method: 'POST' })
      expect(post.status).toBe(405)
      expect(field(post, 'Allow')).toBe('GET, HEAD')
    })

    it('sends the path that it is mounted at to its slash, where there is an index', async () => {
      const site = path.join(folder, 'mounted')
      fs.mkdirSync(site, { recursive: true })
      fs.writeFileSync(path.join(site, 'index.html'), 'the index')
      const port = await start(
        rangeStatic(site, { prefix: '/at/site', index: 'index.html' }),
        rangeStatic(site, { prefix: '/bare' }),
        rangeStatic(path.join(site, 'missing'), { prefix: '/missing', index: 'index.html' }),
        rangeStatic(site, { index: 'index.html' }),
        (ctx) => void (ctx.status = 299),
      )
      for (const target of ['/at/site', '/at/site?q=a?b', 'http://h/at/site']) {
        const redirect = await ask(port, { path: target })
        expect(redirect.status, target).toBe(301)
        const base = new URL(target, 'http://h')
        const location = new URL(field(redirect, 'Location')!, base)
        expect(location.href).toBe(`http://h/at/site/${base.search}`)
      }
      for (const target of ['/at/site/', '/at/site/?q', '/', '/?q', 'http://h', 'http://h/']) {
        const response = await ask(port, { path: target })
        expect(response.content.toString(), target).toBe('the index')
      }
      expect((await ask(port, { path: '/bare' })).status).toBe(299)
      expect((await ask(port, { path: '/missing' })).status).toBe(299)
    })

    it('takes a target in absolute form', async () => {
      const port = await start(rangeStatic(folder, { prefix: '/media', fallthrough: false }))
      for (const host of ['http://127.0.0.1', 'http://other.example:8080', 'HTTPS://h']) {
        const response = await ask(port, { path: `${host}/media/file.bin?x`, ...range('0-9') })
        expect(response.status, host).toBe(206)
        expect((await ask(port, { path: `${host}/media/missing` })).status, host).toBe(404)
      }
    })

    it(`serves an index where it is told to, and sends a folder to its slash (${name})`, async () => {
      fs.mkdirSync(path.join(folder, 'site/sub'), { recursive: true })
      fs.writeFileSync(path.join(folder, 'site/sub/index.html'), 'the index')
      const site = path.join(folder, 'site')
      const port = await start(rangeStatic(site, { prefix: '/at', index: 'index.html' }))
      expect((await ask(port, { path: '/at/sub/' })).content.toString()).toBe('the index')
      for (const query of ['', '?q', '?', '?q=a?b&c=?d']) {
        const redirect = await ask(port, { path: `/at/sub${query}` })
        expect(redirect.status).toBe(301)
        const target = new URL(field(redirect, 'Location')!, `http://h/at/sub${query}`)
        expect(target.href).toBe(`http://h/at/sub/${query}`)
      }
    })

    it.each([
      [{ index: true }],
      [{ index: [5] }],
      [{ setHeaders: { 'X-A': 'b' } }],
      [{ onTransfer: 'log' }],
      [{ dotfiles: 'none' }],
      [{ etag: 5 }],
      [{ cacheControl: 60 }],
    ])('throws where it is made for %j', async (options) => {
      running = await listen(http.createServer())
      expect(() => rangeStatic(folder, options as object)).toThrow(
        expect.objectContaining({
          name: 'TypeError',
          code: expect.stringMatching(/^ERR_INVALID_/),
        }),
      )
    })
  })
})
