// What is particular to Express: the filter on each way to respond, and createServer.

import fs from 'node:fs'
import http from 'node:http'
import { pipeline, Transform } from 'node:stream'
import type { RequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import { createServer, rangeServe } from '@range-serve/express'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { expresses, run, running } from '../support/express.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, exchange, field } from '../support/raw.ts'

describe.each(expresses)('%s', (_name, { express, start, withFilter }) => {
  describe('the filter', () => {
    it('filters a response of plain node:http, and patches nothing beyond it', async () => {
      const filter = rangeServe() as unknown as (...args: unknown[]) => void
      const port = await run(
        http.createServer((request, response) =>
          filter(request, response, () => response.end('some text')),
        ),
      )
      const response = await ask(port, range('5-'))
      expect(response.status).toBe(206)
      expect(response.content.toString()).toBe('text')
      expect(Object.hasOwn(Object.prototype, 'end')).toBe(false)
    })

    it('counts bytes, not characters, of a string given to end', async () => {
      const port = await withFilter((_request, response) => void response.end('äöü', 'utf8'))
      const response = await ask(port, range('1-2'))
      expect(field(response, 'Content-Range')).toBe('bytes 1-2/6')
      expect(response.content.equals(Buffer.from('äöü').subarray(1, 3))).toBe(true)
    })

    it('adds Accept-Ranges to a response without Range, and changes nothing else', async () => {
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
        'chunked content',
        (_, response) => (
          response.writeHead(200, { 'Transfer-Encoding': 'chunked' }),
          void response.end('text')
        ),
      ],
    ]
    it.each(untouched)('does not change a response with %s', async (_what, handler) => {
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

    it('does not change the response to a POST', async () => {
      const port = await withFilter((_request, response) => void response.send('text'))
      const response = await ask(port, {
        method: 'POST',
        headers: [['Range', 'bytes=0-1'], ['Content-Length', '0']], // prettier-ignore
      })
      expect(response.status).toBe(200)
      expect(field(response, 'Accept-Ranges')).toBeUndefined()
      expect(response.content.toString()).toBe('text')
    })

    it('ends a piped response at the last byte, and closes the file without reading on', async () => {
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

    it('ends a pipeline without an error, and keeps the connection open', async () => {
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

    it('closes the file of a pipeline through a transform when all is sent', async () => {
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

    it('closes the source of a response that becomes a 304', async () => {
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

    it('cuts off a response whose handler wrote less than its Content-Length', async () => {
      const port = await withFilter((_request, response) => {
        response.set('Content-Length', '1000')
        response.write(bytes.subarray(0, 100))
        response.end()
      })
      await expect(ask(port, range('50-500'))).rejects.toThrow(/ended before/)
    })

    it('discards what a handler writes beyond its Content-Length', async () => {
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

    it('calls the callback of each write and of the end', async () => {
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

    it('adds several ranges to express.static', async () => {
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
  })

  describe('on createServer', () => {
    it('makes requests and responses with the prototypes of Express', async () => {
      const app = express()
      app.get('/', (request, response) => {
        const isUnchanged =
          Object.getPrototypeOf(request) === app.request &&
          Object.getPrototypeOf(response) === app.response
        response.json({ isUnchanged, is: response instanceof http.ServerResponse })
      })
      const port = await run(createServer(app))
      const response = await ask(port, {})
      expect(JSON.parse(response.content.toString())).toEqual({ isUnchanged: true, is: true })
    })

    it('supports members added to app.request, and sub-applications', async () => {
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
      const port = await run(createServer(app))
      const response = await ask(port, { path: '/sub', ...range('0-3') })
      expect(response.status).toBe(206)
      expect(field(response, 'X-Base')).toBe('/sub')
      expect(response.content.toString()).toBe('text')
      const other = await ask(port, { path: '/apart/', ...range('5-') })
      expect(other.status).toBe(206)
      expect(other.content.toString()).toBe('text')
    })
  })

  it('filters the responses of an application that is called without being mounted', async () => {
    const apart = express()
    apart.get('/', (_request, response) => void response.send('some text'))
    const port = await withFilter((request, response, next) => apart(request, response, next))
    const response = await ask(port, range('5-'))
    expect(response.status).toBe(206)
    expect(response.content.toString()).toBe('text')
  })
})
