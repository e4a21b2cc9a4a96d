// An upstream behind the filter: full responses are cut, ranges pass unchanged, failures are cut
// off.

import http, { type RequestListener, type ServerResponse } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { afterEach, describe, expect, it } from 'vitest'
import { serve } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { connect, koaApps } from '../../support/koa-apps.ts'
import { expressApps } from '../../support/express-apps.ts'
import { download } from '../../support/clients.ts'
import { bytes, filePath, range, size } from '../../support/files.ts'
import { until } from '../../support/fixture.ts'
import { listen, type Running } from '../../support/listen.ts'
import { parseByteranges } from '../../support/multipart.ts'
import { ask, field, type RawRequest, type RawResponse } from '../../support/raw.ts'

const servers: Running[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

const proxy = (port: number) =>
  createProxyMiddleware({
    target: `http://127.0.0.1:${port}`,
    on: {
      // Without this, a failing upstream leaves its client waiting, with or without the filter.
      proxyRes: (from, _request, response) =>
        void from.once('close', () => from.complete || response.destroy()),
    },
  })

type Through = (upstreamPort: number) => Promise<Running>

const expressStacks = expressApps.map(([name, start]): [string, Through] => [
  name,
  (port) => start(forExpress.rangeServe(), proxy(port)),
])
const koaStacks = koaApps.map(([name, start]): [string, Through] => [
  name,
  (port) =>
    start(
      forKoa.rangeServe(),
      (ctx, next) => ((ctx.respond = false), next()),
      connect(proxy(port) as never),
    ),
])

const etag = '"v1"'
const known = { 'Content-Length': size, ETag: etag, 'Content-Type': 'application/x-up' }

/** Starts an upstream and the proxy in front of it. */
async function start(
  through: Through,
  upstream: RequestListener,
): Promise<{ port: number; upstreamPort: number }> {
  const behind = await listen(http.createServer(upstream))
  servers.push(behind)
  const before = await through(behind.port)
  servers.push(before)
  return { port: before.port, upstreamPort: behind.port }
}

/** Fields that must pass unchanged. */
function essence({ status, fields, content }: RawResponse): unknown {
  const passing = ['content-range', 'content-length', 'etag', 'accept-ranges', 'cache-control']
  return { status, fields: passing.map((name) => fields.get(name)), length: content.length }
}

describe.each([...expressStacks, ...koaStacks])('%s: an upstream', (_name, through) => {
  it('with ranges passes unchanged', async () => {
    const { port, upstreamPort } = await start(through, (request, response) => {
      void serve(request, response, filePath, { etag })
    })
    const requests: RawRequest[] = [
      {},
      range('5-9'),
      range('-100'),
      range('0-99,5000-5099'),
      range('99999999-'),
      { headers: [['If-None-Match', etag]] },
      { headers: [['If-Match', '"v0"']] },
      { method: 'HEAD' },
    ]
    for (const request of requests) {
      const passed = await ask(port, request)
      const direct = await ask(upstreamPort, request)
      expect(essence(passed), JSON.stringify(request)).toEqual(essence(direct))
    }
  })

  it('of unknown length passes in full', async () => {
    const { port } = await start(through, (_request, response) => {
      response.write(bytes.subarray(0, 1000))
      response.end(bytes.subarray(1000, 2000))
    })
    for (const request of [range('5-9'), {}]) {
      const response = await ask(port, request)
      expect(response.status).toBe(200)
      expect(field(response, 'Accept-Ranges')).toBeUndefined()
      expect(response.content.equals(bytes.subarray(0, 2000))).toBe(true)
    }
  })

  const deaths: [what: string, fields: http.OutgoingHttpHeaders, headers: { Range?: string }][] = [
    ['of known length', known, {}],
    ['of unknown length', {}, {}],
    ['that is cut', known, { Range: 'bytes=100-3999999' }],
    ['whose range has not begun', known, { Range: 'bytes=3000000-3999999' }],
  ]
  it.each(deaths)('%s that fails half-way does not end cleanly', async (_what, fields, headers) => {
    const { port } = await start(through, (_request, response) => {
      response.writeHead(200, fields)
      response.write(bytes.subarray(0, 300_000), () => setTimeout(() => response.destroy(), 20))
    })
    const received = await download(port, headers).catch(() => ({ complete: false }))
    expect(received.complete).toBe(false)
  })
})

// Koa's filter reads `ctx.body`, which a proxy bypasses.
describe.each(expressStacks)('%s: an upstream', (_name, through) => {
  it('without ranges gets them, and is ended after the last byte', async () => {
    const upstreams: ServerResponse[] = []
    const { port } = await start(through, (_request, response) => {
      upstreams.push(response)
      response.writeHead(200, known)
      // It never ends: the requested bytes must arrive without its end.
      response.write(bytes.subarray(0, 300_000))
    })
    const slice = await ask(port, range('100000-100009'))
    const several = await ask(port, range('200000-200009,5-9'))
    const unchanged = await ask(port, { headers: [['If-None-Match', etag]] })
    expect(slice.status).toBe(206)
    expect(field(slice, 'ETag')).toBe(etag)
    expect(slice.content.equals(bytes.subarray(100_000, 100_010))).toBe(true)
    const parts = parseByteranges(field(several, 'Content-Type')!, several.content)
    expect(parts.map(({ firstPos }) => firstPos)).toEqual([5, 200_000])
    expect(unchanged.status).toBe(304)
    await until('all are closed', () => upstreams.every(({ destroyed }) => destroyed))
  })
})
