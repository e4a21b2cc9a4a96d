// rangeStatic of every adapter: precompressed files, folders and stores.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import compression from 'compression'
import express5 from 'express'
import Koa3 from 'koa'
import koaCompress from 'koa-compress'
import { afterEach, describe, expect, it } from 'vitest'
import * as forNode from '@range-serve/core'
import { fromBuffer, fromReader, fromStream, type Servable } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { adapters, rangeServe, rangeStatic } from '../support/adapters.ts'
import type { App } from '../support/apps.ts'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { exchangeHttp2 } from '../support/http2.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, field, type RawResponse } from '../support/raw.ts'

type Options = Omit<Parameters<typeof rangeStatic>[1] & {}, 'at'>
type Find = (path: string, request: any) => any
/** @param vary a value of Vary that is already set */
type Start = (root: string | URL | Find, options?: Options, vary?: string) => Promise<App>

const startNode: Start = async (root, options, vary) => {
  const errors: unknown[] = []
  const handler = forNode.rangeStatic(root as string, options)
  const server = http.createServer((request, response) => {
    if (vary !== undefined) response.setHeader('Vary', vary)
    void handler(request, response, (error) => {
      if (error !== undefined) errors.push(error)
      response.statusCode = error === undefined ? 299 : ((error as any).status ?? 500)
      response.end(error === undefined ? 'next' : undefined)
    })
  })
  return { errors, ...(await listen(server)) }
}

const apps = [
  ['node:http', startNode] as const,
  ...adapters.map(([name, startApp]) => {
    const start: Start = (root, options, vary) =>
      startApp(
        ({ set, next }) => {
          if (vary !== undefined) set({ Vary: vary })
          return next()
        },
        rangeServe(),
        rangeStatic(root, options),
      )
    return [name, start] as const
  }),
]

const folder = temporaryFolder()
const modified = new Date('2020-01-01T00:00:00Z')
const later = new Date('2020-01-02T00:00:00Z')
const plain = pattern(5000)
const encoded = pattern(3001).subarray(1)
writeOldFile(path.join(folder, 'app.js'), plain, modified)
writeOldFile(path.join(folder, 'app.js.br'), encoded, later)
writeOldFile(path.join(folder, 'single.js'), plain, modified)
writeOldFile(path.join(folder, 'page.html'), plain, modified)
const real = pattern(100_000)
writeOldFile(path.join(folder, 'real.txt'), real, modified)
execFileSync('gzip', ['-k', path.join(folder, 'real.txt')])

type Lines = [name: string, value: string][]
const br: Lines = [['Accept-Encoding', 'gzip, br']]

describe.each(apps)('%s', (_name, start) => {
  let app: App
  afterEach(() => app.close())

  const get = (target: string, headers: Lines = [], method = 'GET') =>
    ask(app.port, { method, path: target, headers })
  const tagsOf = async (target: string) => [
    field(await get(target), 'ETag')!,
    field(await get(target, br), 'ETag')!,
  ]
  const shown = (response: RawResponse) => ({
    status: response.status,
    coding: field(response, 'Content-Encoding'),
    vary: field(response, 'Vary'),
    length: response.content.length,
  })

  describe('precompressed files', () => {
    it('have their own coding, tag and date, and the type of the file', async () => {
      app = await start(folder, { precompressed: true })
      const [ofPlain, ofEncoded] = await tagsOf('/app.js')
      expect(ofPlain).toMatch(/^"[^"]+"$/)
      expect(ofEncoded).toMatch(/^"[^"]+-br"$/)
      expect(ofEncoded).not.toBe(ofPlain!.replace(/"$/, '-br"'))
      const response = await get('/app.js', br)
      expect(response.content.equals(encoded)).toBe(true)
      expect(field(response, 'Content-Type')).toBe('text/javascript; charset=utf-8')
      expect(field(response, 'Last-Modified')).toBe(later.toUTCString())
      expect(field(response, 'Accept-Ranges')).toBe('bytes')
      expect(field(response, 'Content-Length')).toBe('3000')
    })

    it('are distinguished by Vary on every response, and 206, 304, 412 and 416 are about the selected one', async () => {
      app = await start(folder, { precompressed: true })
      const [ofPlain, ofEncoded] = await tagsOf('/app.js')
      const vary = 'Accept-Encoding'
      const rows: [headers: Lines, status: number, coding: string | undefined, length: number][] = [
        [[], 200, undefined, 5000],
        [br, 200, 'br', 3000],
        [[['Accept-Encoding', 'gzip']], 200, undefined, 5000],
        [[['Accept-Encoding', 'br;q=0, *']], 200, undefined, 5000],
        [[['Range', 'bytes=0-9']], 206, undefined, 10],
        [[['Range', 'bytes=0-9'], ...br], 206, 'br', 10],
        [[['Range', 'bytes=0-9,1000-1009'], ...br], 206, 'br', 0],
        [[['Range', 'bytes=2990-'], ['If-Range', ofEncoded!], ...br], 206, 'br', 10],
        [[['Range', 'bytes=2990-'], ['If-Range', ofPlain!], ...br], 200, 'br', 3000],
        [
          [
            ['Range', 'bytes=2990-'],
            ['If-Range', ofEncoded!],
          ],
          200,
          undefined,
          5000,
        ],
        [[['Range', 'bytes=4000-'], ...br], 416, undefined, 0],
        [[['Range', 'bytes=4000-']], 206, undefined, 1000],
        [[['If-None-Match', ofEncoded!], ...br], 304, undefined, 0],
        [[['If-None-Match', ofPlain!], ...br], 200, 'br', 3000],
        [[['If-None-Match', ofPlain!]], 304, undefined, 0],
        [[['If-Match', ofEncoded!], ...br], 200, 'br', 3000],
        [[['If-Match', ofPlain!], ...br], 412, undefined, 0],
        [[['If-Match', ofEncoded!]], 412, undefined, 0],
      ]
      for (const [headers, status, coding, length] of rows) {
        const response = await get('/app.js', headers)
        const seen = shown(response)
        const several = headers.some(([, value]) => value.includes(',1000'))
        expect(seen, JSON.stringify(headers)).toEqual({
          status,
          coding,
          vary,
          length: several ? seen.length : length,
        })
        if (status === 206 && coding === 'br' && !several) {
          const first = Number(/bytes (\d+)/.exec(field(response, 'Content-Range')!)![1])
          expect(response.content.equals(encoded.subarray(first, first + length))).toBe(true)
          expect(field(response, 'Content-Range')).toMatch(/\/3000$/)
        }
      }
    })

    it('are the same for HEAD', async () => {
      app = await start(folder, { precompressed: ['gzip', 'br'] })
      const [got, head] = [await get('/app.js', br), await get('/app.js', br, 'HEAD')]
      for (const name of ['ETag', 'Content-Encoding', 'Content-Length', 'Vary', 'Content-Type']) {
        expect(field(head, name), name).toBe(field(got, name))
      }
      expect(head.content).toHaveLength(0)
      expect(field(head, 'Content-Encoding')).toBe('br')
    })

    it.each([
      ['Origin', 'Origin, Accept-Encoding'],
      ['Accept-Encoding', 'Accept-Encoding'],
      ['accept-encoding, Origin', 'accept-encoding, Origin'],
      ['*', '*'],
    ])('add to a Vary of %s', async (before, vary) => {
      app = await start(folder, { precompressed: true }, before)
      for (const headers of [[], br, [['Range', 'bytes=9999-']], [['If-None-Match', '*']]]) {
        expect(field(await get('/app.js', headers as Lines), 'Vary')).toBe(vary)
      }
    })

    it('add to a Vary of the options, and mark a tag of the options', async () => {
      const options = { headers: { vary: 'Origin' }, etag: '"v1"' }
      app = await start(folder, { precompressed: true, ...options })
      expect(await tagsOf('/app.js')).toEqual(['"v1"', '"v1-br"'])
      expect(field(await get('/app.js', br), 'Vary')).toBe('Origin, Accept-Encoding')
    })

    it('vary also if there is none beside the file, and not without the option', async () => {
      app = await start(folder, { precompressed: true })
      const without = { status: 200, coding: undefined, length: 5000 }
      expect(shown(await get('/single.js', br))).toEqual({ ...without, vary: 'Accept-Encoding' })
      await app.close()
      app = await start(folder)
      expect(shown(await get('/app.js', br))).toEqual({ ...without, vary: undefined })
    })

    it('are decoded by fetch to what the file is', async () => {
      app = await start(folder, { precompressed: true })
      const response = await fetch(`http://127.0.0.1:${app.port}/real.txt`)
      expect(response.headers.get('content-encoding')).toBe('gzip')
      expect(Buffer.from(await response.arrayBuffer()).equals(real)).toBe(true)
    })

    it('are passed to setHeaders with the path of the file', async () => {
      const seen: unknown[] = []
      const setHeaders = (_: unknown, filePath: string, { size }: { size: number }) =>
        seen.push([path.basename(filePath), size])
      app = await start(folder, { precompressed: true, setHeaders })
      await get('/app.js', br)
      await get('/app.js')
      expect(seen).toEqual([
        ['app.js', 3000],
        ['app.js', 5000],
      ])
    })
  })

  describe('a folder', () => {
    it('is served by its file: URL, with extensions and maxResponse', async () => {
      const options = { extensions: ['htm', 'html'], maxResponse: 100 }
      app = await start(pathToFileURL(folder), options)
      const response = await get('/page', [['Range', 'bytes=0-']])
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Range')).toBe('bytes 0-99/5000')
      expect(field(response, 'Content-Type')).toBe('text/html; charset=utf-8')
    })

    it('may be made later', async () => {
      const made = path.join(temporaryFolder(), 'made')
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
    ])('%s: an error of the framework, also of a status below 500', async (_, find) => {
      app = await start(find)
      expect((await get('/a')).status).toBe(403)
      // Koa does not report an error with a status below 500 that may be shown.
      expect(app.errors.length).toBeLessThanOrEqual(1)
    }) // prettier-ignore

    it('returns what cannot be served: an error of 500', async () => {
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

    it('has setHeaders called with the path and the source, and sees the request', async () => {
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

describe('precompressed files behind compression', () => {
  const compress = compression({ threshold: 0 })
  const rows: [name: string, start: () => Promise<Running>][] = [
    ['Express', () => listen(http.createServer(express5().use(compress, forExpress.rangeServe(), forExpress.rangeStatic(folder, { precompressed: true }))))],
    ['Koa', () => listen(http.createServer(new Koa3().use(koaCompress({ threshold: 0 })).use(forKoa.rangeServe()).use(forKoa.rangeStatic(folder, { precompressed: true })).callback() as http.RequestListener))],
  ]
  it.each(rows)('are not encoded twice, in %s', async (_, start) => {
    const running = await start()
    try {
      const response = await ask(running.port, { path: '/app.js', headers: br })
      expect(response.status).toBe(200)
      expect(field(response, 'Content-Encoding')).toBe('br')
      expect(field(response, 'Vary')).toBe('Accept-Encoding')
      expect(field(response, 'ETag')).toMatch(/^"[^"]+-br"$/)
      expect(response.content.equals(encoded)).toBe(true)
    } finally {
      await running.close()
    }
  })
}) // prettier-ignore

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
