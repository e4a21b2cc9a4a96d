// Precompressed files of rangeStatic, in every adapter.

import http from 'node:http'
import path from 'node:path'
import compression from 'compression'
import express5 from 'express'
import Koa3 from 'koa'
import koaCompress from 'koa-compress'
import { afterEach, describe, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { App } from '../support/apps.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, field, type RawResponse } from '../support/raw.ts'
import { apps, type Lines, folder, encoded, later, real } from '../support/static.ts'

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

    it('have the same fields for HEAD', async () => {
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
    ])('extend a Vary of %s', async (before, vary) => {
      app = await start(folder, { precompressed: true }, before)
      for (const headers of [[], br, [['Range', 'bytes=9999-']], [['If-None-Match', '*']]]) {
        expect(field(await get('/app.js', headers as Lines), 'Vary')).toBe(vary)
      }
    })

    it('extend a Vary of the options, and mark a tag of the options', async () => {
      const options = { headers: { vary: 'Origin' }, etag: '"v1"' }
      app = await start(folder, { precompressed: true, ...options })
      expect(await tagsOf('/app.js')).toEqual(['"v1"', '"v1-br"'])
      expect(field(await get('/app.js', br), 'Vary')).toBe('Origin, Accept-Encoding')
    })

    it('set Vary even for a file that has none, and only with the option', async () => {
      app = await start(folder, { precompressed: true })
      const without = { status: 200, coding: undefined, length: 5000 }
      expect(shown(await get('/single.js', br))).toEqual({ ...without, vary: 'Accept-Encoding' })
      await app.close()
      app = await start(folder)
      expect(shown(await get('/app.js', br))).toEqual({ ...without, vary: undefined })
    })

    it('are decoded by fetch to the content of the file', async () => {
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
