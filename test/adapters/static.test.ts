// rangeStatic of every adapter: folders, stores, and node:http alone.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import * as forNode from '@range-serve/core'
import { fromBuffer, fromReader, fromStream, type Servable } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { App } from '../support/apps.ts'
import { startExpress5 } from '../support/express-apps.ts'
import { startKoa3 } from '../support/koa-apps.ts'
import { writeOldFile, openDescriptors, until } from '../support/fixture.ts'
import { exchangeHttp2 } from '../support/http2.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, field } from '../support/raw.ts'
import { apps, type Lines, folder, plain, modified, encoded } from '../support/static.ts'
import { filePath, folder as files } from '../support/files.ts'

describe.each(apps)('%s', (_name, start) => {
  let app: App
  afterEach(() => app.close())

  const get = (target: string, headers: Lines = [], method = 'GET') =>
    ask(app.port, { method, path: target, headers })

  describe('a folder', () => {
    it('is served by its file: URL, with extensions and maxResponse', async () => {
      const options = { extensions: ['htm', 'html'], maxResponse: 100 }
      app = await start(pathToFileURL(folder), options)
      const response = await get('/page', [['Range', 'bytes=0-']])
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Range')).toBe('bytes 0-99/5000')
      expect(field(response, 'Content-Type')).toBe('text/html; charset=utf-8')
    })

    it('may be created later', async () => {
      const made = path.join(fs.mkdtempSync(path.join(folder, 'later-')), 'made')
      app = await start(made)
      expect((await get('/a')).content.toString()).toBe('next')
      fs.mkdirSync(made)
      writeOldFile(path.join(made, 'a'), plain, modified)
      expect((await get('/a')).content.equals(plain)).toBe(true)
    })
  })

  describe('a store', () => {
    const sources: Record<string, (path: string) => unknown> = {
      'bytes': () => plain,
      'a promise of bytes': async () => plain,
      'a source': () => fromBuffer(plain),
      'a reader': () => fromReader({ length: 5000, read: async ({ firstPos, lastPos }) => plain.subarray(firstPos, lastPos + 1) }),
      'a stream': () => fromStream(fs.createReadStream(path.join(folder, 'app.js')), { length: 5000 }),
      'a path': () => path.join(folder, 'app.js'),
      'a file: URL': () => pathToFileURL(path.join(folder, 'app.js')),
      'a Blob': () => new Blob([new Uint8Array(plain)]),
    } // prettier-ignore
    it.each(Object.entries(sources))('serves ranges of %s', async (_, make) => {
      app = await start(make as (path: string) => Servable)
      const response = await get('/clip.mp4', [['Range', 'bytes=100-199']])
      expect(response.status).toBe(206)
      expect(response.content.equals(plain.subarray(100, 200))).toBe(true)
      expect(field(response, 'Cache-Control')).toBe('public, max-age=0, no-transform')
    })

    it.each([
      ['/clips/a%20b.mp4?c=d', 'clips/a b.mp4'],
      ['/', ''],
      ['/clips/', 'clips/'],
      ['//etc/passwd', 'etc/passwd'],
      ['/a/../b', 'b'],
      ['/a%2f..%2fb', 'b'],
      ['/.env', '.env'],
      ['/a%252e', 'a%2e'],
      ['/%E6%97%A5', '\u65e5'],
    ])('resolves %s to %j', async (target, expected) => {
      const paths: string[] = []
      app = await start((each: string) => void paths.push(each))
      expect((await get(target)).content.toString()).toBe('next')
      expect(paths).toEqual([expected])
    })

    it.each(['/../a', '/a/../../b', '/%2e%2e/a', '/a%00', '/%zz'])('is not called for %s', async (target) => {
      let calls = 0
      app = await start(() => void calls++)
      expect((await get(target)).status).toBe(299)
      expect(calls).toBe(0)
    }) // prettier-ignore

    it('leaves what it does not have to the next handler, or responds with 404', async () => {
      for (const nothing of [undefined, null, Promise.resolve(undefined)]) {
        app = await start(() => nothing as never)
        expect((await get('/a')).content.toString()).toBe('next')
        await app.close()
        app = await start(() => nothing as never, { fallthrough: false })
        expect((await get('/a')).status).toBe(404)
        expect(app.errors).toMatchObject(app.errors.length > 0 ? [{ code: 'ERR_NOT_FOUND' }] : [])
        await app.close()
      }
      app = await start(() => path.join(folder, 'none'))
      expect((await get('/a')).content.toString()).toBe('next')
    })

    it('is not called for other methods', async () => {
      app = await start(() => plain)
      expect((await get('/a', [], 'POST')).content.toString()).toBe('next')
    })

    it.each<[what: string, find: () => never]>([
      ['throws', () => { throw Object.assign(new Error('failed'), { status: 403 }) }],
      ['rejects', () => Promise.reject(Object.assign(new Error('failed'), { status: 403 })) as never],
    ])('%s: an error of the framework, even with a status below 500', async (_, find) => {
      app = await start(find)
      expect((await get('/a')).status).toBe(403)
      // Koa does not report an error with a status below 500 that may be shown.
      expect(app.errors.length).toBeLessThanOrEqual(1)
    }) // prettier-ignore

    it('returns what cannot be served: an error with status 500', async () => {
      app = await start(() => ({ length: 5 }) as never)
      expect((await get('/a')).status).toBe(500)
      expect(app.errors).toMatchObject([{ code: 'ERR_INVALID_ARGUMENT' }])
    })

    it('takes the type from the path, unless the source has one', async () => {
      app = await start((each: string) =>
        each.startsWith('own') ? fromBuffer(plain, { type: 'a/b' }) : fromBuffer(plain),
      )
      expect(field(await get('/a.mp4'), 'Content-Type')).toBe('video/mp4')
      expect(field(await get('/own.mp4'), 'Content-Type')).toBe('a/b')
      expect(field(await get('/a'), 'Content-Type')).toBe('application/octet-stream')
    })

    it('receives the request, and setHeaders the path and the source', async () => {
      const setHeaders = (response: http.ServerResponse, each: string, source: Servable) =>
        response.setHeader('X-Seen', `${each} ${(source as Buffer).length}`)
      const find = (_: string, request: { headers: http.IncomingHttpHeaders }) =>
        request.headers['x-user'] === 'a' ? plain : undefined
      app = await start(find, { setHeaders, etag: true })
      const response = await get('/a/b', [['X-User', 'a']])
      expect(field(response, 'X-Seen')).toBe('a/b 5000')
      expect(field(response, 'ETag')).toMatch(/^"3uw-/)
      expect((await get('/a/b')).status).toBe(299)
    })
  })
})

describe('rangeStatic of node:http alone', () => {
  let running: Running
  afterEach(() => running.close())
  const startAlone = async (handler: forNode.StaticRequestHandler) => {
    running = await listen(
      http.createServer((request, response) => void handler(request, response)),
    )
  }

  it.each<[method: string, target: string, status: number]>([
    ['GET', '/app.js', 200],
    ['HEAD', '/app.js', 200],
    ['GET', '/none', 404],
    ['GET', '/../none', 404],
    ['POST', '/app.js', 405],
    ['DELETE', '/none', 405],
  ])('responds to %s %s: %d', async (method, target, status) => {
    await startAlone(forNode.rangeStatic(folder))
    const response = await ask(running.port, { method, path: target })
    expect(response.status).toBe(status)
    expect(field(response, 'Allow')).toBe(status === 405 ? 'GET, HEAD' : undefined)
  })

  it('redirects to a folder with its slash', async () => {
    await startAlone(forNode.rangeStatic(path.dirname(folder), { index: 'app.js' }))
    const response = await ask(running.port, { path: `/${path.basename(folder)}?a` })
    expect(response.status).toBe(301)
    expect(field(response, 'Location')).toBe(`./${path.basename(folder)}/?a`)
  })

  it('warns of an error of the server, and responds with 500', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    // Instead of Node's listener, which prints.
    const others = process.rawListeners('warning') as (typeof warn)[]
    process.removeAllListeners('warning').on('warning', warn)
    try {
      await startAlone(forNode.rangeStatic(() => { throw new Error('of the store') })) // prettier-ignore
      expect((await ask(running.port, {})).status).toBe(500)
      await new Promise(setImmediate)
      expect(warnings.map(({ message }) => message)).toContain('of the store')
    } finally {
      process.off('warning', warn)
      for (const other of others) process.on('warning', other)
    }
  })

  it('responds over HTTP/2 too', async () => {
    const handler = forNode.rangeStatic<http2.Http2ServerResponse>(folder, { precompressed: true })
    running = await listen(http2.createServer((...args) => void handler(...args)))
    const [found, missing, other] = await exchangeHttp2(running.port, [
      {
        path: '/app.js',
        headers: [
          ['accept-encoding', 'gzip'],
          ['accept-encoding', 'br'],
        ],
      },
      { path: '/none' },
      { path: '/app.js', method: 'DELETE' },
    ])
    expect(found).toMatchObject({ status: 200, content: encoded })
    expect(missing!.status).toBe(404)
    expect(other!.status).toBe(405)
  })

  it('resolves with the transfer of what it has sent', async () => {
    const transfers: unknown[] = []
    const handler = forNode.rangeStatic(folder)
    await startAlone(async (...args) => {
      const transfer = await handler(...args)
      transfers.push(transfer)
      return transfer
    })
    await ask(running.port, { path: '/app.js', headers: [['Range', 'bytes=0-9']] })
    await ask(running.port, { path: '/none' })
    expect(transfers).toMatchObject([{ status: 206, bytesSent: 10, aborted: false }, undefined])
  })
})

describe('setHeaders that throws', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  const fail = () => {
    throw new Error('cannot set')
  }
  it('is an error of Express, and holds no file', async () => {
    running = await startExpress5(rangeServe(), rangeStatic(files, { setHeaders: fail }))
    expect((await ask(running.port, { path: '/file.bin' })).status).toBe(500)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('is an error of Koa, and holds no file', async () => {
    running = await startKoa3(forKoa.rangeServe(), forKoa.rangeStatic(files, { setHeaders: fail }))
    expect((await ask(running.port, { path: '/file.bin' })).status).toBe(500)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})
