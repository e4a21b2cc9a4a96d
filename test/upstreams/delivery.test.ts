// What a client receives if an upstream fails, and what an upstream sees if a client disconnects.

import http from 'node:http'
import { fromHttp } from '@range-serve/http'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import express from 'express'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { begin } from '../support/clients.ts'
import { pattern, until } from '../support/fixture.ts'
import { protocols, type Sent } from '../support/frameworks.ts'
import { listen } from '../support/listen.ts'
import { useOrigin } from '../support/origin.ts'
import { ask, field } from '../support/raw.ts'

const bytes = pattern(8_000_000)
const stored = { bytes, etag: '"v1"', cacheControl: 'public, max-age=60' }
const replaced = { bytes: Buffer.alloc(4_000_000, 'b'), etag: '"v2"' }
const options = { retries: 0 } as const

const origin = await useOrigin(stored)

describe.each(protocols)('%s', (_name, start) => {
  let running: Sent
  beforeAll(async () => {
    running = await start(() => fromHttp(origin.url, options))
  })
  afterAll(() => running.close())
  afterEach(() => until('no response is under way', () => origin.proxy.underWay === 0, 2000))

  const ask = (headers: Record<string, string> = {}) =>
    begin(running.server, running.port, headers).rest()

  it('sends what the origin has', async () => {
    const response = await ask({ Range: 'bytes=1000000-2999999' })
    expect(response).toMatchObject({ status: 206, complete: true, type: 'video/mp4' })
    expect(response.content.equals(bytes.subarray(1_000_000, 3_000_000))).toBe(true)
  })

  const early = [
    ['at the probe', [{ status: 404 }], 404],
    ['at the probe, for a time', [{ status: 503 }], 503],
    ['at the read', [undefined, { status: 403 }], 502],
    ['before the first byte', [undefined, { cut: 0 }], 502],
  ] as const
  it.each(early)('responds with an error if the origin fails %s', async (_when, faults, status) => {
    origin.proxy.faults.push(...faults)
    expect(await ask()).toMatchObject({ status, complete: true })
  })

  it('serves anew what is replaced after the probe, and cuts off what is replaced later', async () => {
    origin.proxy.faults.push({ meanwhile: () => (origin.stored = replaced) })
    const anew = await ask({ Range: 'bytes=0-9' })
    expect(anew).toMatchObject({ status: 206, complete: true })
    expect(anew.content.equals(replaced.bytes.subarray(0, 10))).toBe(true)
    origin.stored = stored
    origin.proxy.faults.push(undefined, { cut: 1_000_000, meanwhile: () => (origin.stored = replaced) }) // prettier-ignore
    const cut = await ask()
    expect(cut).toMatchObject({ status: 200, complete: false })
    expect(cut.content.equals(bytes.subarray(0, cut.content.length))).toBe(true)
  })

  const stalls = [
    ['before the first byte', { stall: 0 }],
    ['after it', { stall: 1_000_000 }],
    ['while it flows', {}],
  ] as const
  it.each(stalls)(
    'cancels the upstream request when the client disconnects %s',
    async (_when, fault) => {
      origin.proxy.faults.push(undefined, fault)
      const { seen } = origin.proxy
      seen.length = 0
      const client = begin(running.server, running.port)
      await until('it is read', () => seen[1] !== undefined && seen[1].status > 0)
      client.leave()
      await until('the upstream request is cancelled', () => origin.proxy.underWay === 0, 2000)
      await until('it is over', () => running.transfers.at(-1)?.aborted === true)
    },
  )
})

it('sends Retry-After to the client of Express and Koa', async () => {
  const expressApp = express().use(forExpress.rangeServe())
  expressApp.set('env', 'test')
  expressApp.use((_request, response) => {
    void response.sendRange(fromHttp(origin.url, options))
  })
  const koaApp = new Koa().use(forKoa.rangeServe())
  koaApp.silent = true
  koaApp.use((ctx) => ctx.sendRange(fromHttp(origin.url, options)))
  const respond = koaApp.callback()
  const servers = [expressApp, (...args: Parameters<typeof respond>) => void respond(...args)]
  for (const each of servers) {
    const running = await listen(http.createServer(each))
    origin.proxy.faults.push({ status: 503, fields: { 'retry-after': '9' } })
    const response = await ask(running.port, {})
    expect(response.status).toBe(503)
    expect(field(response, 'Retry-After')).toBe('9')
    expect(response.content.toString()).not.toContain('127.0.0.1')
    const whole = await ask(running.port, { headers: [['Range', 'bytes=0-9']] })
    expect(field(whole, 'Cache-Control')).toBe('public, max-age=60, no-transform')
    await running.close()
  }
})
