// CORS, as pages of other origins need it: pdf.js and players read ranges, and the fields of their responses.

import corsForKoa from '@koa/cors'
import cors from 'cors'
import type { RequestHandler } from 'express'
import type { Middleware } from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { Apps } from '../../support/apps.ts'
import { expressApps } from '../../support/express-apps.ts'
import { koaApps } from '../../support/koa-apps.ts'
import { bytes, filePath, folder, modified, size } from '../../support/files.ts'
import type { Running } from '../../support/listen.ts'
import { ask, field, type RawRequest, type RawResponse } from '../../support/raw.ts'

const origin = 'https://viewer.example'
const exposed = [
  'Accept-Ranges',
  'Content-Range',
  'Content-Length',
  'Content-Encoding',
  'ETag',
  'Last-Modified',
]
const allowed = [
  'Range',
  'If-Range',
  'If-None-Match',
  'If-Match',
  'If-Modified-Since',
  'If-Unmodified-Since',
]

const etag = '"v1"'
const date = modified.toUTCString()
const earlier = new Date(modified.getTime() - 60_000).toUTCString()
const whole = {
  'accept-ranges': 'bytes',
  'content-length': String(size),
  etag,
  'last-modified': date,
}
const part = { ...whole, 'content-length': '100', 'content-range': `bytes 0-99/${size}` }

type FieldLine = [name: string, value: string]
interface Row {
  readonly status: number
  readonly headers: readonly FieldLine[]
  /** What a page can read of a response, at least. */
  readonly readable: Record<string, string>
}
const rows: readonly Row[] = [
  { status: 200, headers: [], readable: whole },
  { status: 206, headers: [['Range', 'bytes=0-99']], readable: part },
  { status: 206, headers: [['Range', 'bytes=0-99'], ['If-Range', etag]], readable: part },
  { status: 206, headers: [['Range', 'bytes=0-99'], ['If-Match', etag]], readable: part },
  { status: 206, headers: [['Range', 'bytes=0-99,5000-5099']], readable: { etag } },
  { status: 200, headers: [['Range', 'bytes=0-99'], ['If-Range', '"v0"']], readable: whole },
  { status: 304, headers: [['If-None-Match', etag]], readable: { etag } },
  { status: 304, headers: [['If-Modified-Since', date]], readable: { etag } },
  { status: 412, headers: [['If-Match', '"v0"']], readable: {} },
  { status: 412, headers: [['If-Unmodified-Since', earlier]], readable: {} },
  {
    status: 416,
    headers: [['Range', `bytes=${size}-`]],
    readable: { 'content-range': `bytes */${size}` },
  },
] // prettier-ignore

/** The middleware of a framework, so that the tests can be the same for all. */
interface Family<Use> {
  readonly apps: Apps<Use>
  readonly cors: () => Use
  readonly ways: readonly (readonly [way: string, uses: () => Use[], encoded?: string])[]
}

const express: Family<RequestHandler> = {
  apps: expressApps,
  cors: () => cors({ origin, exposedHeaders: exposed, allowedHeaders: allowed }),
  ways: [
    [
      'sendRange',
      () => [
        forExpress.rangeServe(),
        (_request, response) => void response.sendRange(filePath, { etag }),
      ],
    ],
    ['rangeStatic', () => [forExpress.rangeStatic(folder, { etag })]],
    [
      'the filter',
      () => [
        forExpress.rangeServe(),
        (_request, response) => {
          response.set({ ETag: etag, 'Last-Modified': date, 'Content-Encoding': 'x-sample' })
          response.send(bytes)
        },
      ],
      'x-sample',
    ],
  ],
}

const koa: Family<Middleware> = {
  apps: koaApps,
  cors: () => corsForKoa({ origin, exposeHeaders: exposed, allowHeaders: allowed }),
  ways: [
    ['sendRange', () => [forKoa.rangeServe(), (ctx) => ctx.sendRange(filePath, { etag })]],
    ['rangeStatic', () => [forKoa.rangeStatic(folder, { etag })]],
    [
      'the filter',
      () => [
        forKoa.rangeServe(),
        (ctx) => {
          ctx.set({ ETag: etag, 'Last-Modified': date, 'Content-Encoding': 'x-sample' })
          ctx.body = bytes
        },
      ],
      'x-sample',
    ],
  ],
}

describe('Express: cors', () => {
  testFamily(express)
})
describe('Koa: @koa/cors', () => {
  testFamily(koa)
})

function testFamily<Use>({ apps, cors: makeCors, ways }: Family<Use>): void {
  let running: Running
  afterEach(() => running.close())

  const cases = apps.flatMap(([app, start]) =>
    ways.map(([way, uses, encoded]) => {
      return [app, way, () => start(makeCors(), ...uses()), encoded] as const
    }),
  )
  it.each(cases)('%s: %s: a page reads every status', async (_app, _way, start, encoded) => {
    running = await start()
    for (const { status, headers, readable } of rows) {
      const response = await request('GET', headers)
      const title = `${status} for ${JSON.stringify(headers)}`
      expect(response.status, title).toBe(status)
      expect(field(response, 'Access-Control-Allow-Origin'), title).toBe(origin)
      expect(field(response, 'Vary'), title).toBe('Origin')
      expect(list(response, 'Access-Control-Expose-Headers'), title).toEqual(exposed)
      expect(readableByPage(response), title).toMatchObject(readable)
      if (encoded && (status === 200 || status === 206))
        expect(readableByPage(response)['content-encoding'], title).toBe(encoded)
    }
  })

  it.each(cases)('%s: %s: the preflight request is granted', async (_app, _way, start) => {
    running = await start()
    // A browser lists the fields in lower case, in order, without spaces.
    const wanted = allowed.map((name) => name.toLowerCase()).toSorted()
    for (const method of ['GET', 'HEAD']) {
      const response = await request('OPTIONS', [
        ['Access-Control-Request-Method', method],
        ['Access-Control-Request-Headers', wanted.join(',')],
      ])
      expect(response.status).toBe(204)
      expect(field(response, 'Access-Control-Allow-Origin')).toBe(origin)
      expect(list(response, 'Access-Control-Allow-Methods')).toContain(method)
      const granted = list(response, 'Access-Control-Allow-Headers')
      expect(granted.map((name) => name.toLowerCase()).toSorted()).toEqual(wanted)
      expect(response.content.length).toBe(0)
    }
  })

  function request(method: string, headers: readonly FieldLine[]): Promise<RawResponse> {
    const sent: RawRequest['headers'] = [['Origin', origin], ...headers]
    return ask(running.port, { method, path: '/file.bin', headers: sent })
  }
}

function list(response: RawResponse, name: string): string[] {
  return (field(response, name) ?? '').split(',').map((each) => each.trim())
}

/** The fields that a script of the other origin can read: of these, only the exposed ones. */
function readableByPage(response: RawResponse): Record<string, string | undefined> {
  const names = list(response, 'Access-Control-Expose-Headers').map((name) => name.toLowerCase())
  return Object.fromEntries(names.map((name) => [name, field(response, name)]))
}
