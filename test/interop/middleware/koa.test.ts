// Middleware of Koa alone: routers, and middleware that makes and compares tags.

import fs from 'node:fs'
import path from 'node:path'
import { Router } from '@koa/router'
import type { Middleware } from 'koa'
import koaCompress from 'koa-compress'
import conditionalGet from 'koa-conditional-get'
import koaEtag from 'koa-etag'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { rangeServe } from '@range-serve/koa'
import { koaApps } from '../../support/koa-apps.ts'
import { bytes, filePath, folder, range } from '../../support/files.ts'
import type { Running } from '../../support/listen.ts'
import { ask, exchange, field, type RawRequest } from '../../support/raw.ts'

const part = bytes.subarray(0, 10_000)
const partPath = path.join(folder, 'part.bin')
fs.writeFileSync(partPath, part)

const tags = (): Middleware[] => {
  // It warns about its newer name.
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const uses = [conditionalGet(), koaEtag()]
  warn.mockRestore()
  return uses
}

describe.each(koaApps)('%s', (_name, start) => {
  let running: Running
  afterEach(() => running.close())

  describe('koa-etag and koa-conditional-get', () => {
    const kinds: [what: string, handler: Middleware][] = [
      ['a string', (ctx) => void (ctx.body = part.toString('latin1').replace(/[^ -~]/g, ' '))],
      ['bytes', (ctx) => void (ctx.body = part)],
      ['JSON', (ctx) => void (ctx.body = [...part])],
      ['a file stream', (ctx) => void (ctx.body = fs.createReadStream(partPath))],
      ['sendRange of a file', (ctx) => ctx.sendRange(filePath)],
    ]
    it.each(kinds)(
      'behind the filter tag the full response, and its parts alike: %s',
      async (_what, handler) => {
        running = await start(rangeServe(), ...tags(), handler)
        const etag = field(await ask(running.port, {}), 'ETag')!
        const asked = ['Range', 'bytes=5-9'] as const
        const conditions: [status: number, ...(readonly [name: string, value: string])[]][] = [
          [206, asked],
          [206, ['Range', 'bytes=5-9,9000-']],
          [etag.startsWith('W/') ? 200 : 206, asked, ['If-Range', etag]],
          [200, asked, ['If-Range', '"v0"']],
          [304, ['If-None-Match', etag]],
          [304, asked, ['If-None-Match', etag]],
          [206, asked, ['If-None-Match', '"v0"']],
          [etag.startsWith('W/') ? 412 : 206, asked, ['If-Match', etag]],
          [412, ['If-Match', '"v0"']],
        ]
        for (const [status, ...headers] of conditions) {
          const response = await ask(running.port, { headers })
          expect(response.status, headers.join()).toBe(status)
          expect(field(response, 'ETag')).toBe(status === 412 ? undefined : etag)
        }
      },
    )

    it('behind the filter make a 304 of a 200 that keeps its validators', async () => {
      running = await start(rangeServe(), ...tags(), (ctx) => ctx.sendRange(filePath))
      // No date of §5.6.7, so that we ignore it, but one that Date.parse takes.
      const request = { headers: [['If-Modified-Since', '2099-01-01']] } as const
      const response = await ask(running.port, request)
      expect(response.status).toBe(304)
      for (const name of ['ETag', 'Last-Modified']) expect(field(response, name)).toBeDefined()
    })

    // Decided by the time that a tag is made; no tag is better than that of a slice.
    const untagged: (typeof kinds)[number] = ['sendRange of bytes', (ctx) => ctx.sendRange(part)]

    it.each([...kinds, untagged])(
      'before the filter never take a slice for the full response: %s',
      async (_what, handler) => {
        running = await start(...tags(), rangeServe(), handler)
        const [whole, slice, several, error] = await exchange(running.port, [
          {},
          range('5-9'),
          range('5-9,9000-'),
          range('99999999-'),
        ])
        const etag = field(whole!, 'ETag')
        expect(slice!.status).toBe(206)
        expect(slice!.content.equals(whole!.content.subarray(5, 10))).toBe(true)
        expect(several!.status).toBe(206)
        expect(error!.status).toBe(416)
        for (const response of [slice!, several!]) {
          expect([undefined, etag]).toContain(field(response, 'ETag'))
        }
        if (etag === undefined) return
        const [unchanged, same, other] = await exchange(running.port, [
          { headers: [['If-None-Match', etag]] },
          { headers: [['Range', 'bytes=5-9'], ['If-Range', etag]] }, // prettier-ignore
          { headers: [['Range', 'bytes=5-9'], ['If-Range', '"v0"']] }, // prettier-ignore
        ])
        expect(unchanged!.status).toBe(304)
        // The filter cannot compare a tag that is made after it.
        expect(same!.status).toBe(field(slice!, 'ETag') === etag ? 206 : 200)
        expect(other!.status).toBe(200)
        for (const response of [same!, other!]) {
          if (response.status === 200) expect(response.content.equals(whole!.content)).toBe(true)
        }
      },
    )
  })

  describe('koa-etag, koa-conditional-get and koa-compress', () => {
    const text = 'lorem ipsum '.repeat(3000)
    const textPath = path.join(folder, 'lorem.txt')
    fs.writeFileSync(textPath, text)
    const kinds: [what: string, handler: Middleware][] = [
      ['a string', (ctx) => void (ctx.body = text)],
      ['bytes', (ctx) => ((ctx.body = Buffer.from(text)), void (ctx.type = 'txt'))],
      ['JSON', (ctx) => void (ctx.body = { text })],
      ['a file stream', (ctx) => ((ctx.type = 'txt'), void (ctx.body = fs.createReadStream(textPath)))], // prettier-ignore
      ['sendRange', (ctx) => ctx.sendRange(textPath)],
    ]
    const compress = koaCompress as () => Middleware
    const chains: [order: string, uses: () => Middleware[]][] = [
      ['all behind us', () => [rangeServe(), compress(), ...tags()]],
      ['comparison before compression', () => [rangeServe(), tags()[0]!, compress(), tags()[1]!]],
      ['compression before us', () => [compress(), rangeServe(), ...tags()]],
      ['all before us', () => [compress(), ...tags(), rangeServe()]],
    ]
    it.each(
      chains.flatMap(([order, uses]) => kinds.map((kind) => [order, ...kind, uses] as const)),
    )('%s, each coding has a tag: %s', async (_order, _what, handler, uses) => {
      running = await start(...uses(), handler)
      const get = (accept: string, ...headers: (readonly [string, string])[]) =>
        ask(running.port, { headers: [['Accept-Encoding', accept], ...headers] })
      const plain = field(await get('identity'), 'ETag')!
      const encoded = await get('gzip')
      expect(field(encoded, 'Content-Encoding')).toBe('gzip')
      const tag = field(encoded, 'ETag')!
      expect(tag).toMatch(/^W\/".*-gzip"$/)
      const known = await get('gzip', ['If-None-Match', tag])
      expect([known.status, field(known, 'ETag')]).toEqual([304, tag])
      const foreign = await get('identity', ['If-None-Match', tag])
      expect([foreign.status, field(foreign, 'ETag')]).toEqual([200, plain])
      const slice = await get('identity', ['Range', 'bytes=5-9'], ['If-None-Match', tag])
      expect(slice.status).toBe(206)
      expect(field(slice, 'Vary')).toBe('Accept-Encoding')
      const unchanged = await get('identity', ['If-None-Match', plain])
      expect([unchanged.status, field(unchanged, 'ETag')]).toEqual([304, plain])
    })
  })

  describe('@koa/router', () => {
    const route = (...inner: Middleware[]): Middleware[] => {
      const router = new Router()
      for (const each of inner) router.use(each as never)
      router.get('/files/:name', (ctx) => (ctx as never as Context).sendRange(partPath))
      router.get('/bytes', (ctx) => void (ctx.body = part))
      return [router.routes() as never, router.allowedMethods() as never]
    }
    interface Context {
      sendRange(file: string): Promise<unknown>
    }
    const places: [where: string, uses: () => Middleware[]][] = [
      ['around a router', () => [rangeServe(), ...route()]],
      ['inside of a router', () => route(rangeServe())],
      ['around and inside', () => [rangeServe(), ...route(rangeServe())]],
    ]

    it.each(places)('gets its ranges %s', async (_where, uses) => {
      running = await start(...uses())
      for (const target of ['/files/a', '/bytes']) {
        const [slice, head, missing] = await exchange(running.port, [
          { path: target, ...range('5-9') },
          { path: target, method: 'HEAD', ...range('5-9') },
          { path: '/other', ...range('5-9') },
        ])
        expect(slice!.status).toBe(206)
        expect([...slice!.content]).toEqual([5, 6, 7, 8, 9])
        expect(head!.status).toBe(200)
        expect(field(head!, 'Content-Length')).toBe(String(part.length))
        expect(missing!.status).toBe(404)
      }
    })

    it.each(places)('lists its methods as without the filter, %s', async (_where, uses) => {
      for (const [method, status] of [
        ['POST', 405],
        ['OPTIONS', 200],
        ['COPY', 501],
      ] as const) {
        // prettier-ignore
        const request: RawRequest = { method, path: '/bytes', ...range('0-1') }
        running = await start(...uses())
        const response = await ask(running.port, request)
        await running.close()
        running = await start(...route())
        const plain = await ask(running.port, request)
        await running.close()
        expect(response.status).toBe(status)
        expect(field(response, 'Allow')).toBe('HEAD, GET')
        const { fields } = plain
        for (const name of fields.keys()) {
          if (name !== 'date') expect(response.fields.get(name), name).toEqual(fields.get(name))
        }
        expect([...response.fields.keys()]).toEqual([...fields.keys()])
      }
    })
  })
})
