// What only Express has: the filter on whatever other handlers do, patched responses, its errors.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { pipeline, Readable, Transform } from 'node:stream'
import express5, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, it } from 'vitest'
import type { SendOptions, Transfer } from '@range-serve/core'
import { createServer, rangeServe, rangeStatic } from '@range-serve/express'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field } from '../support/raw.ts'

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s', (name, express) => {
  let running: Running
  afterEach(() => running.close())

  async function start(set: (app: Express) => void): Promise<number> {
    const app = express()
    app.set('env', 'production')
    set(app)
    const fail: ErrorRequestHandler = (error, _request, response, next) =>
      response.headersSent ? next(error) : void response.status(error.status ?? 500).end('failed')
    app.use(fail)
    running = await listen(http.createServer(app))
    return running.port
  }

  const withFilter = (...handlers: RequestHandler[]) =>
    start((app) => app.use(rangeServe(), ...handlers))

  describe('the filter', () => {
    it('sees to responses that are not Express’s, and touches nothing but them', async () => {
      const filter = rangeServe() as unknown as (...args: unknown[]) => void
      running = await listen(
        http.createServer((request, response) =>
          filter(request, response, () => response.end('some text')),
        ),
      )
      const response = await ask(running.port, range('5-'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('text')
      expect(Object.hasOwn(Object.prototype, 'end')).toBe(false)
    })

    it('cuts res.json', async () => {
      const port = await withFilter((_request, response) => void response.json({ a: 'bcdef' }))
      const response = await ask(port, range('2-4'))
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/json; charset=utf-8')
      expect(response.content.toString()).toBe('a":')
    })

    it('counts bytes, not characters, of a string', async () => {
      const port = await withFilter((_request, response) => void response.end('äöü', 'utf8'))
      const response = await ask(port, range('1-2'))
      expect(field(response, 'Content-Range')).toBe('bytes 1-2/6')
      expect(response.content.equals(Buffer.from('äöü').subarray(1, 3))).toBe(true)
    })

    it('adds Accept-Ranges to an answer without Range, and changes nothing else', async () => {
      const handler: RequestHandler = (_request, response) =>
        void response.set('ETag', 'W/"own"').send('some text')
      const port = await withFilter(handler)
      const filtered = await ask(port, {})
      await running.close()
      const plain = await ask(await start((app) => app.use(handler)), {})
      expect(field(filtered, 'Accept-Ranges')).toBe('bytes')
      const fields = new Map(filtered.fields)
      fields.delete('accept-ranges')
      fields.delete('date')
      expect(fields).toEqual(new Map([...plain.fields].filter(([key]) => key !== 'date')))
      expect(filtered.content.equals(plain.content)).toBe(true)
    })

    const untouched: [what: string, handler: RequestHandler][] = [
      ['another status', (_, response) => void response.status(404).send('not there')],
      ['created', (_, response) => void response.status(201).send('made')],
      [
        'another status ended raw',
        (_, response) => ((response.statusCode = 404), void response.end('no')),
      ],
      ['no known length', (_, response) => (response.write('ab'), void response.end('cd'))],
      [
        'Accept-Ranges: none',
        (_, response) => void response.set('Accept-Ranges', 'none').send('text'),
      ],
      [
        'a Content-Range of its own',
        (_, response) => void response.set('Content-Range', 'bytes 0-3/9').send('text'),
      ],
      ['a 206 of its own', express.static(folder, { index: 'text.txt' })],
      [
        'multipart/byteranges of its own',
        (_, response) =>
          void response.set('Content-Type', 'multipart/byteranges; boundary=x').end('text'),
      ],
      [
        'a Content-Length that is none',
        (_, response) => (
          response.writeHead(200, { 'Transfer-Encoding': 'chunked' }),
          void response.end('text')
        ),
      ],
    ]
    it.each(untouched)('leaves an answer alone with %s', async (_what, handler) => {
      const port = await withFilter(handler)
      const filtered = await ask(port, range('0-1'))
      await running.close()
      const plain = await ask(await start((app) => app.use(handler)), range('0-1'))
      const without = (fields: ReadonlyMap<string, unknown>) =>
        new Map([...fields].filter(([key]) => key !== 'date'))
      expect(filtered.status).toBe(plain.status)
      expect(without(filtered.fields)).toEqual(without(plain.fields))
      expect(filtered.content.equals(plain.content)).toBe(true)
    })

    it('leaves a POST alone', async () => {
      const port = await withFilter((_request, response) => void response.send('text'))
      const response = await ask(port, {
        method: 'POST',
        headers: [['Range', 'bytes=0-1'], ['Content-Length', '0']], // prettier-ignore
      })
      expect(response.status).toBe(200)
      expect(field(response, 'Accept-Ranges')).toBeUndefined()
      expect(response.content.toString()).toBe('text')
    })

    it('changes nothing when it is applied twice', async () => {
      const port = await start((app) =>
        app.use(
          rangeServe(),
          rangeServe(),
          (_request, response) => void response.send('some text'),
        ),
      )
      const response = await ask(port, range('5-'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('text')
    })

    it('ends a piped answer at the last byte, and closes the file without reading on', async () => {
      let stream: fs.ReadStream | undefined
      const port = await withFilter((_request, response) => {
        stream = fs.createReadStream(filePath)
        response.set('Content-Length', String(size))
        stream.pipe(response)
      })
      const [first, second] = await exchange(port, [range('100-199'), range('0-0')])
      expect(first!.content.equals(bytes.subarray(100, 200))).toBe(true)
      expect(second!.status).toBe(206)
      await until('the stream is destroyed', () => stream?.destroyed === true, 1000)
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
      expect(stream!.bytesRead).toBeLessThan(size / 4)
    })

    it('ends a pipeline as a success, on a connection that lives on', async () => {
      const ended: unknown[] = []
      const port = await withFilter((_request, response, next) => {
        response.set('Content-Length', String(size))
        pipeline(fs.createReadStream(filePath), response, (error) => {
          ended.push(error)
          if (error) next(error)
        })
      })
      const [first, second] = await exchange(port, [range('100-199'), range('0-0,4000000-')])
      expect(first!.content.equals(bytes.subarray(100, 200))).toBe(true)
      expect(second!.status).toBe(206)
      await until('both pipelines end', () => ended.length === 2)
      expect(ended).toEqual([undefined, undefined])
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
    })

    it('releases a pipeline through a transform when all is sent', async () => {
      let stream: fs.ReadStream | undefined
      const port = await withFilter((_request, response) => {
        stream = fs.createReadStream(filePath)
        response.set('Content-Length', String(size))
        const through = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
        pipeline(stream, through, response, () => {})
      })
      const response = await ask(port, range('100-199'))
      expect(response.content.equals(bytes.subarray(100, 200))).toBe(true)
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
    })

    it('releases the source of an answer that turns out to be 304', async () => {
      let stream: fs.ReadStream | undefined
      const port = await withFilter((_request, response) => {
        stream = fs.createReadStream(filePath)
        response.set({ 'Content-Length': String(size), ETag: '"v1"' })
        stream.pipe(response)
      })
      const response = await ask(port, { headers: [['If-None-Match', '"v1"']] })
      expect(response.status).toBe(304)
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
      expect(stream!.destroyed).toBe(true)
    })

    it('sends the whole where too much would have to be read past', async () => {
      const port = await start((app) =>
        app.use(rangeServe({ maxSkip: 1000 }), (_request, response) => {
          response.set('Content-Length', String(size))
          Readable.from([bytes]).pipe(response)
        }),
      )
      expect((await ask(port, range('1000-1009'))).status).toBe(206)
      const whole = await ask(port, range('1001-1009'))
      expect(whole.status).toBe(200)
      expect(whole.content.equals(bytes)).toBe(true)
    })

    it('never ends an answer cleanly whose handler wrote less than it promised', async () => {
      const port = await withFilter((_request, response) => {
        response.set('Content-Length', '1000')
        response.write(bytes.subarray(0, 100))
        response.end()
      })
      await expect(ask(port, range('50-500'))).rejects.toThrow(/ended before/)
    })

    it('drops what a handler writes beyond what it promised', async () => {
      const port = await withFilter((_request, response) => {
        response.set('Content-Length', '10')
        response.write(bytes.subarray(0, 10))
        response.write(bytes.subarray(10, 20))
        response.end('more', () => {})
      })
      const [first, second] = await exchange(port, [range('5-'), range('-1')])
      expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
      expect([...second!.content]).toEqual([9])
    })

    it('calls back each write and the end', async () => {
      const called: string[] = []
      const port = await withFilter((_request, response) => {
        response.set('Content-Length', '10')
        response.write(bytes.subarray(0, 5), () => called.push('write'))
        response.write(bytes.subarray(5, 10), () => called.push('write'))
        response.end(() => called.push('end'))
      })
      expect([...(await ask(port, range('2-3'))).content]).toEqual([2, 3])
      await until('all are called', () => called.length === 3)
      expect(called).toEqual(['write', 'write', 'end'])
    })

    it('gives several ranges to express.static', async () => {
      const port = await withFilter(express.static(folder))
      const single = await ask(port, { path: '/file.bin', ...range('1-2') })
      expect([...single.content]).toEqual([1, 2])
      const several = await ask(port, { path: '/file.bin', ...range('0-1,300000-300001') })
      expect(several.status).toBe(206)
      const parts = parseByteranges(field(several, 'Content-Type')!, several.content)
      expect(parts.map(({ contentRange }) => contentRange)).toEqual([
        `bytes 0-1/${size}`,
        `bytes 300000-300001/${size}`,
      ])
      await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
    })

    it('tells onTransfer of filtered answers', async () => {
      const transfers: Transfer[] = []
      const port = await start((app) =>
        app.use(
          rangeServe({ onTransfer: (transfer) => transfers.push(transfer) }),
          (_, response) => void response.send(bytes.subarray(0, 1000)),
        ),
      )
      await ask(port, { path: '/a?b', ...range('0-9') })
      await until('it is told', () => transfers.length === 1)
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

  describe('on createServer', () => {
    it('finds requests and responses made as Express wants them', async () => {
      const app = express()
      app.get('/', (request, response) => {
        const isUnchanged =
          Object.getPrototypeOf(request) === app.request &&
          Object.getPrototypeOf(response) === app.response
        response.json({ isUnchanged, is: response instanceof http.ServerResponse })
      })
      running = await listen(createServer(app))
      const response = await ask(running.port, {})
      expect(JSON.parse(response.content.toString())).toEqual({ isUnchanged: true, is: true })
    })

    it('knows what was added to requests and responses, below sub-applications too', async () => {
      const app = express()
      app.use(rangeServe())
      Object.defineProperty(app.request, 'shout', { get: () => 'text of the app' })
      const sub = express()
      sub.get('/', (request, response) => {
        const { shout } = request as unknown as { shout: string }
        response.set('X-Base', request.baseUrl).send(shout)
      })
      app.use('/sub', sub)
      const apart = express()
      apart.get('/', (_request, response) => void response.send('some text'))
      app.use('/apart', (request, response, next) => apart(request, response, next))
      running = await listen(createServer(app))
      const response = await ask(running.port, { path: '/sub', ...range('0-3') })
      expect(response.status).toBe(206)
      expect(field(response, 'X-Base')).toBe('/sub')
      expect(response.content.toString()).toBe('text')
      const other = await ask(running.port, { path: '/apart/', ...range('5-') })
      expect(other.status).toBe(206)
      expect(other.content.toString()).toBe('text')
    })
  })

  it('leaves to the next handler what rangeStatic had open and is gone', async () => {
    const port = await start((app) => {
      app.use(rangeStatic(folder, { index: 'index.html' }))
      app.use((_request, response) => void response.status(299).end())
    })
    const gone = path.join(folder, `gone-${name}`)
    fs.writeFileSync(gone, 'some text')
    expect((await ask(port, { path: `/gone-${name}`.replace(' ', '%20') })).status).toBe(200)
    fs.unlinkSync(gone)
    expect((await ask(port, { path: `/gone-${name}`.replace(' ', '%20') })).status).toBe(299)
    await until('it is closed', () => openDescriptors(gone) === 0)
  })

  it('filters what applications send that are called without being mounted', async () => {
    const apart = express()
    apart.get('/', (_request, response) => void response.send('some text'))
    const port = await withFilter((request, response, next) => apart(request, response, next))
    const response = await ask(port, range('5-'))
    expect(response.status).toBe(206)
    expect(response.content.toString()).toBe('text')
  })

  describe('behind a patched response', () => {
    /** Keeps what goes through it, passes no callback on, and ends in a turn of its own. */
    const keeping =
      (kept: Buffer[]): RequestHandler =>
      (_request, response, next) => {
        const write = response.write.bind(response) as (chunk: Buffer) => boolean
        const end = response.end.bind(response) as (chunk?: Buffer) => unknown
        response.write = (chunk: Buffer) => {
          kept.push(chunk)
          return write(chunk)
        }
        response.end = ((chunk?: Buffer) => {
          if (chunk) kept.push(chunk)
          setImmediate(() => end(chunk))
          return response
        }) as typeof response.end
        next()
      }

    it.each([
      ['small', '0-999'],
      ['large', '0-'],
    ])('delivers %s answers, and leaves alone what was kept of them', async (_what, asked) => {
      for (const order of ['before', 'after']) {
        const kept: Buffer[] = []
        const port = await start((app) => {
          if (order === 'before') app.use(keeping(kept))
          app.use(rangeServe())
          if (order === 'after') app.use(keeping(kept))
          app.use((_request, response) => void response.sendRange(filePath))
        })
        const response = await ask(port, range(asked))
        expect(response.status).toBe(206)
        expect(response.content.equals(bytes.subarray(0, response.content.length))).toBe(true)
        const first = [...kept]
        // Others come, and find memory that can be used again; not that of the first.
        for (let i = 0; i < 5; i++) await ask(port, range('100000-100999'))
        expect(Buffer.concat(first).equals(response.content), order).toBe(true)
        await running.close()
      }
    })
  })

  it('delivers behind who sends the head with the first of the content', async () => {
    const deferring: RequestHandler = (_request, response, next) => {
      const methods = { writeHead: response.writeHead, write: response.write, end: response.end }
      let pending: unknown[] | undefined
      const begin = () => {
        if (pending) methods.writeHead.apply(response, pending as [number])
        pending = undefined
      }
      response.writeHead = ((...args: unknown[]) => {
        pending = args
        return response
      }) as typeof response.writeHead
      response.write = ((...args: [string, BufferEncoding]) => {
        begin()
        return methods.write.apply(response, args)
      }) as typeof response.write
      response.end = ((...args: [string, BufferEncoding]) => {
        begin()
        return methods.end.apply(response, args)
      }) as typeof response.end
      next()
    }
    for (const order of ['before', 'after']) {
      const port = await start((app) => {
        if (order === 'before') app.use(deferring)
        app.use(rangeServe())
        if (order === 'after') app.use(deferring)
        app.use((_request, response) => void response.sendRange(filePath))
      })
      const [whole, small, large] = await exchange(port, [{}, range('5-9'), range('1-999999')])
      expect(whole!.content.equals(bytes), order).toBe(true)
      expect([...small!.content]).toEqual([5, 6, 7, 8, 9])
      expect(large!.content.equals(bytes.subarray(1, 1_000_000)), order).toBe(true)
      await running.close()
    }
  })

  describe('sendRange', () => {
    it('tells the transfer and `next` of what can never be served, and throws nothing', async () => {
      const calls: [source: unknown, options: SendOptions | undefined, expected: object][] = [
        [42, undefined, { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }],
        [undefined, undefined, { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }],
        ['relative/path', undefined, { name: 'TypeError', code: 'ERR_RELATIVE_PATH' }],
        [filePath, { etag: 'no quotes' }, { name: 'TypeError', code: 'ERR_INVALID_ETAG' }],
        [filePath, { maxRanges: -1 }, { name: 'RangeError', code: 'ERR_INVALID_ARGUMENT' }],
      ]
      for (const [source, options, expected] of calls) {
        const told: unknown[] = []
        // In Express 4 nothing waits for an asynchronous handler, and its rejection ends the process.
        const port = await withFilter(
          async (_request, response) => {
            await Promise.resolve()
            told.push((await response.sendRange(source as string, options)).error)
          },
          ((error, _request, response, _next) => {
            told.push(error)
            response.status(500).end()
          }) as ErrorRequestHandler as unknown as RequestHandler,
        )
        expect((await ask(port, {})).status).toBe(500)
        expect(told).toMatchObject([expected, expected])
      }
    })

    it('hands on what fails before anything is sent, also while the head is written', async () => {
      let failures = 0
      const failing: RequestHandler = (_request, response, next) => {
        const { writeHead } = response
        response.writeHead = ((...args: [number]) => {
          if (failures++ === 0) throw new Error('hooked')
          return writeHead.apply(response, args)
        }) as typeof writeHead
        next()
      }
      const port = await start((app) =>
        app.use(rangeServe(), failing, (_request, response) => void response.sendRange(filePath)),
      )
      for (const value of ['0-99', '0-']) {
        failures = 0
        const response = await ask(port, range(value))
        expect(response.status).toBe(500)
        expect(response.content.toString()).toBe('failed')
      }
    })

    it('leaves the response to a handler that responds itself after a call that failed', async () => {
      const attempt = (response: Parameters<RequestHandler>[1], source: string) => {
        void response.sendRange(source)
      }
      const port = await withFilter((request, response) => {
        if (request.path === '/begun') {
          response.set('Content-Length', '100')
          response.write(bytes.subarray(0, 50))
          attempt(response, filePath)
          response.end(bytes.subarray(50, 100))
        } else {
          attempt(response, 'relative')
          response.send(bytes.subarray(0, 100))
        }
      })
      for (const path of ['/begun', '/instead']) {
        const [first, second] = await exchange(port, [
          { path, ...range('45-54') },
          { path, ...range('0-0') },
        ])
        expect(first!.status, path).toBe(206)
        expect([...first!.content]).toEqual([...bytes.subarray(45, 55)])
        expect([...second!.content]).toEqual([0])
      }
    })

    it('resolves with the transfer', async () => {
      let transfer: Transfer | undefined
      const port = await withFilter(async (_request, response) => {
        transfer = await response.sendRange(filePath)
      })
      await ask(port, range('0-99'))
      await until('it resolves', () => transfer !== undefined)
      expect(transfer).toMatchObject({ status: 206, bytesSent: 100, aborted: false })
      expect(transfer!.durationMs).toBeGreaterThanOrEqual(transfer!.firstByteMs!)
    })

    it('resolves with the error that went to next', async () => {
      let transfer: Transfer | undefined
      const port = await withFilter(async (_request, response) => {
        transfer = await response.sendRange(path.join(folder, 'missing'))
      })
      expect((await ask(port, {})).status).toBe(404)
      await until('it resolves', () => transfer !== undefined)
      expect(transfer).toMatchObject({ status: 404, aborted: true, error: { code: 'ENOENT' } })
    })

    it('takes fields that were set before for its own', async () => {
      const port = await withFilter((_request, response) => {
        response.set({
          ETag: '"mine"',
          'Cache-Control': 'private',
          'Content-Type': 'application/x-mine',
        })
        void response.sendRange(filePath)
      })
      const response = await ask(port, { headers: [['Range', 'bytes=0-1'], ['If-Range', '"mine"']] }) // prettier-ignore
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Type')).toBe('application/x-mine')
      expect(field(response, 'Cache-Control')).toBe('private, no-transform')
    })

    it('sends an attachment under a name that cannot break out of its field', async () => {
      const port = await withFilter((_request, response) => {
        void response.sendRange(bytes.subarray(0, 10), { filename: 'na"me\r\nX: y, ä.pdf' })
      })
      const response = await ask(port, {})
      expect(field(response, 'Content-Type')).toBe('application/pdf')
      expect(field(response, 'Content-Disposition')).toMatch(/^attachment; filename="na\\"me/)
      expect(field(response, 'X')).toBeUndefined()
    })

    it('finds the type of an attachment by its name, where nothing else tells', async () => {
      const unnamed = path.join(folder, '0badc0de')
      fs.writeFileSync(unnamed, 'some text')
      const handle = await fs.promises.open(unnamed)
      const port = await withFilter(({ path: asked }, response) => {
        if (asked === '/preset') response.set('Content-Type', 'a/preset')
        const options = { filename: 'a.mp4', ...(asked === '/option' ? { type: 'a/option' } : {}) }
        const source = asked === '/file.bin' ? filePath : asked === '/handle' ? handle : unnamed
        void response.sendRange(source, options)
      })
      const types = {
        '/option': 'a/option',
        '/preset': 'a/preset',
        '/file.bin': 'application/octet-stream',
        '/': 'video/mp4',
        '/handle': 'video/mp4',
      }
      for (const [asked, type] of Object.entries(types)) {
        expect(field(await ask(port, { path: asked }), 'Content-Type'), asked).toBe(type)
      }
      await handle.close()
    })

    it('knows no way out of its root', async () => {
      const port = await start((app) => {
        app.use(rangeServe({ root: path.join(folder, 'below') }))
        app.use((request, response) => void response.sendRange(decodeURIComponent(request.path)))
      })
      fs.mkdirSync(path.join(folder, 'below'), { recursive: true })
      for (const escape of [
        '/../file.bin',
        '/..%2ffile.bin',
        '/%2e%2e/file.bin',
        '/x/../../file.bin',
      ]) {
        const response = await ask(port, { path: escape })
        expect(response.status, escape).toBe(404)
      }
    })
  })

  describe('rangeStatic', () => {
    it('serves a folder below its mount path', async () => {
      const port = await start((app) => app.use('/media', rangeStatic(folder, { maxAge: '1d' })))
      const response = await ask(port, { path: '/media/file.bin?x', ...range('0-9') })
      expect(response.status).toBe(206)
      expect(field(response, 'Cache-Control')).toBe('public, max-age=86400, no-transform')
    })

    it('leaves what it has not to the next handler, or answers', async () => {
      const port = await start((app) => {
        app.use('/falls', rangeStatic(folder))
        app.use('/stays', rangeStatic(folder, { fallthrough: false }))
        app.use((_request, response) => void response.status(299).end())
      })
      expect((await ask(port, { path: '/falls/missing' })).status).toBe(299)
      expect((await ask(port, { path: '/falls/' })).status).toBe(299)
      expect((await ask(port, { path: '/falls/%ff' })).status).toBe(299)
      expect((await ask(port, { path: '/falls/file.bin', method: 'POST' })).status).toBe(299)
      expect((await ask(port, { path: '/stays/missing' })).status).toBe(404)
      expect((await ask(port, { path: '/stays/%ff' })).status).toBe(400)
      expect((await ask(port, { path: '/stays/%00' })).status).toBe(400)
      const post = await ask(port, { path: '/stays/file.bin', method: 'POST' })
      expect(post.status).toBe(405)
      expect(field(post, 'Allow')).toBe('GET, HEAD')
    })

    it('sends the path that it is mounted at to its slash, where there is an index', async () => {
      const site = path.join(folder, 'mounted')
      fs.mkdirSync(site, { recursive: true })
      fs.writeFileSync(path.join(site, 'index.html'), 'the index')
      const port = await start((app) => {
        app.use('/at/site', rangeStatic(site, { index: 'index.html' }))
        app.use('/bare', rangeStatic(site))
        app.use('/missing', rangeStatic(path.join(site, 'missing'), { index: 'index.html' }))
        app.use(rangeStatic(site, { index: 'index.html' }))
        app.use((_request, response) => void response.status(299).end())
      })
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
      const port = await start((app) =>
        app.use('/media', rangeStatic(folder, { fallthrough: false })),
      )
      for (const host of ['http://127.0.0.1', 'http://other.example:8080', 'HTTPS://h']) {
        const response = await ask(port, { path: `${host}/media/file.bin?x`, ...range('0-9') })
        expect(response.status, host).toBe(206)
        expect((await ask(port, { path: `${host}/media/missing` })).status, host).toBe(404)
      }
    })

    it('serves an index where it is told to, and sends a folder to its slash', async () => {
      fs.mkdirSync(path.join(folder, 'site/sub'), { recursive: true })
      fs.writeFileSync(path.join(folder, 'site/sub/index.html'), 'the index')
      const port = await start((app) =>
        app.use('/at', rangeStatic(path.join(folder, 'site'), { index: 'index.html' })),
      )
      expect((await ask(port, { path: '/at/sub/' })).content.toString()).toBe('the index')
      for (const query of ['', '?q', '?', '?q=a?b&c=?d']) {
        const redirect = await ask(port, { path: `/at/sub${query}` })
        expect(redirect.status).toBe(301)
        const target = new URL(field(redirect, 'Location')!, `http://h/at/sub${query}`)
        expect(target.href).toBe(`http://h/at/sub/${query}`)
      }
    })

    it('hides dotfiles, and symbolic links that leave the folder', async () => {
      const inside = path.join(folder, 'inside')
      fs.mkdirSync(inside)
      fs.writeFileSync(path.join(inside, '.hidden'), 'hidden')
      fs.symlinkSync(filePath, path.join(inside, 'out'))
      fs.writeFileSync(path.join(inside, 'in.txt'), 'in')
      fs.symlinkSync('in.txt', path.join(inside, 'link'))
      const port = await start((app) => {
        app.use('/a', rangeStatic(inside, { fallthrough: false }))
        app.use('/b', rangeStatic(inside, { fallthrough: false, dotfiles: 'deny' }))
        app.use('/c', rangeStatic(inside, { dotfiles: 'allow', followSymlinks: true }))
      })
      expect((await ask(port, { path: '/a/.hidden' })).status).toBe(404)
      expect((await ask(port, { path: '/a/out' })).status).toBe(404)
      expect((await ask(port, { path: '/a/link' })).content.toString()).toBe('in')
      expect((await ask(port, { path: '/b/.hidden' })).status).toBe(403)
      expect((await ask(port, { path: '/c/.hidden' })).content.toString()).toBe('hidden')
      expect((await ask(port, { path: '/c/out', ...range('0-3') })).status).toBe(206)
      fs.rmSync(inside, { recursive: true })
    })

    it('begins with the options of rangeServe, and goes on with its own', async () => {
      const told: string[] = []
      const tell = (who: string) => (transfer: Transfer) => void told.push(`${who} ${transfer.url}`)
      const defaults = { onTransfer: tell('default'), maxRanges: 1 }
      const own = { onTransfer: tell('own'), maxRanges: 2 }
      const port = await start((app) => {
        app.use(rangeServe(defaults))
        app.use('/served', rangeStatic(folder))
        app.use('/own', rangeStatic(folder, own))
      })
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
      const port = await start((app) => app.use(rangeServe(defaults), rangeStatic(site)))
      expect((await ask(port, { path: '/in.txt' })).content.toString()).toBe('in')
      expect((await ask(port, { path: '/.hidden' })).status).toBe(404)
      expect((await ask(port, { path: '/out' })).status).toBe(404)
    })

    it('says that it takes no ranges where all answers are to', async () => {
      const port = await start((app) => {
        app.use(rangeServe({ acceptRanges: false }))
        app.use('/served', rangeStatic(folder))
        app.use('/own', rangeStatic(folder, { acceptRanges: true }))
      })
      const none = await ask(port, { path: '/served/file.bin', ...range('0-9') })
      expect(none.status).toBe(200)
      expect(field(none, 'Accept-Ranges')).toBe('none')
      expect((await ask(port, { path: '/own/file.bin', ...range('0-9') })).status).toBe(206)
    })

    it('leaves a Cache-Control that somebody has set, unless it is told another', async () => {
      const port = await start((app) => {
        const setHeaders = (response: http.ServerResponse) =>
          void response.setHeader('Cache-Control', 'immutable')
        app.use((request, response, next) => {
          if (/before|said/.test(request.path)) response.set('Cache-Control', 'private')
          next()
        })
        app.use('/default', rangeStatic(folder))
        app.use('/set-headers', rangeStatic(folder, { setHeaders }))
        app.use('/before', rangeStatic(folder))
        app.use('/before-max-age', rangeStatic(folder, { maxAge: '1d', immutable: true }))
        app.use('/said', rangeStatic(folder, { cacheControl: 'no-store' }))
      })
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

    it('asks setHeaders and etag about a file', async () => {
      const port = await start((app) =>
        app.use(
          rangeStatic(folder, {
            etag: ({ size: length }) => `"${length}"`,
            setHeaders: (response, file, stats) =>
              void response.set('X-File', `${path.basename(file)} ${stats.size}`),
          }),
        ),
      )
      const response = await ask(port, { path: '/file.bin', ...range('0-1') })
      expect(field(response, 'ETag')).toBe(`"${size}"`)
      expect(field(response, 'X-File')).toBe(`file.bin ${size}`)
    })

    it(`throws where it is made for options that can never work (${name})`, async () => {
      running = await listen(http.createServer())
      expect(() => rangeStatic('')).toThrow(TypeError)
      expect(() => rangeStatic(folder, { maxAge: 'soon' })).toThrow(RangeError)
      expect(() => rangeStatic(folder, { headers: { 'X-A': 'b\r\nc' } })).toThrow(TypeError)
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
