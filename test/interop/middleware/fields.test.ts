// Middleware that adds fields, counts or stores: what it does to a full response, it does to all others.

import corsForKoa from '@koa/cors'
import cors from 'cors'
import type { RequestHandler } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import type { Middleware } from 'koa'
import helmetForKoa from 'koa-helmet'
import morgan from 'morgan'
import responseTime from 'response-time'
import { afterEach, describe, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { Apps } from '../../support/apps.ts'
import { connect, koaApps } from '../../support/koa-apps.ts'
import { expressApps } from '../../support/express-apps.ts'
import { leave } from '../../support/clients.ts'
import { bytes, filePath, range, size } from '../../support/files.ts'
import { until } from '../../support/fixture.ts'
import type { Running } from '../../support/listen.ts'
import { ask, exchange, field, type RawRequest } from '../../support/raw.ts'

const etag = '"v1"'
type FieldLine = [name: string, value: string]
const decisions: [status: number, ...FieldLine[]][] = [
  [200],
  [206, ['Range', 'bytes=0-99']],
  [206, ['Range', 'bytes=0-99,5000-5099']],
  [206, ['Range', 'bytes=100000-3999999']],
  [304, ['If-None-Match', etag]],
  [412, ['If-Match', '"v0"']],
  [416, ['Range', 'bytes=99999999-']],
]

const corsOptions = {
  origin: 'https://a.example',
  credentials: true,
  exposedHeaders: ['Content-Range', 'ETag'],
  exposeHeaders: ['Content-Range', 'ETag'],
}
const corsFields = {
  'access-control-allow-origin': 'https://a.example',
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'Content-Range,ETag',
  vary: 'Origin',
}
const helmetFields = {
  'content-security-policy': /default-src 'self'/,
  'strict-transport-security': /max-age=/,
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}
const timeFields = { 'x-response-time': /^[\d.]+ms$/ }
const sessionFields = { 'set-cookie': /^connect\.sid=/ }

type Fields = Record<string, string | RegExp>

/** The middleware of a framework, so that the tests can be the same for all. */
interface Family<Use> {
  readonly apps: Apps<Use>
  readonly filter: () => Use
  readonly verbs: readonly (readonly [verb: string, handler: Use])[]
  readonly neighbours: readonly (readonly [name: string, make: () => Use, adds: Fields])[]
  readonly log: (format: string, options: { stream: { write(line: string): void } }) => Use
}

const express: Family<RequestHandler> = {
  apps: expressApps,
  filter: forExpress.rangeServe,
  verbs: [
    ['the filter', (_, response) => void response.set('ETag', etag).send(bytes)],
    ['sendRange', (_, response) => void response.sendRange(filePath, { etag })],
  ],
  neighbours: [
    ['cors', () => cors(corsOptions), corsFields],
    ['helmet', helmet, helmetFields],
    ['response-time', responseTime, timeFields],
    [
      'express-session',
      () => session({ secret: 's', resave: false, saveUninitialized: true }),
      sessionFields,
    ],
  ],
  log: morgan,
}

const koa: Family<Middleware> = {
  apps: koaApps,
  filter: forKoa.rangeServe,
  verbs: [
    ['the filter', (ctx) => (ctx.set('ETag', etag), void (ctx.body = bytes))],
    ['sendRange', (ctx) => ctx.sendRange(filePath, { etag })],
  ],
  neighbours: [
    ['@koa/cors', () => corsForKoa(corsOptions), corsFields],
    ['koa-helmet', () => helmetForKoa(), helmetFields],
    ['response-time', () => connect(responseTime()), timeFields],
  ],
  log: (...args) => connect(morgan(...args)),
}

describe('Express', () => {
  testFamily(express)
})
describe('Koa', () => {
  testFamily(koa)
})

function testFamily<Use>({ apps, filter, verbs, neighbours, log }: Family<Use>): void {
  let running: Running
  afterEach(() => running.close())

  const requests = decisions.map(([, ...headers]): RawRequest => ({
    headers: [['Origin', 'https://b.example'], ...headers],
  }))

  const kept = apps.flatMap(([app, start]) =>
    verbs.flatMap(([verb, handler]) =>
      neighbours.flatMap(([name, make, adds]) => [
        [app, name, 'before', verb, adds, () => start(make(), filter(), handler)] as const,
        [app, name, 'after', verb, adds, () => start(filter(), make(), handler)] as const,
      ]),
    ),
  )
  it.each(kept)(
    '%s: %s %s %s keeps its fields',
    async (_app, _name, _order, _verb, adds, start) => {
      running = await start()
      const responses = await exchange(running.port, requests)
      for (const [i, [status]] of decisions.entries()) {
        expect(responses[i]!.status).toBe(status)
        for (const [name, value] of Object.entries(adds)) {
          expect(field(responses[i]!, name), `${name} of ${status}`).toMatch(value)
        }
      }
    },
  )

  it.each(apps)('%s: a log has the status and the length that were sent', async (_app, start) => {
    for (const [verb, handler] of verbs) {
      const lines: string[] = []
      const stream = { write: (line: string) => void lines.push(line.trim()) }
      running = await start(log(':status :res[content-length]', { stream }), filter(), handler)
      const expected: string[] = []
      for (const request of requests) {
        const response = await ask(running.port, request)
        expected.push(`${response.status} ${field(response, 'Content-Length') ?? '-'}`)
        await until('it is logged', () => lines.length === expected.length)
      }
      expect(lines, verb).toEqual(expected)
      await leave(running.port)
      await until('what was left is logged', () => lines.length > expected.length)
      expect(lines.at(-1)).toBe(`200 ${size}`)
      expect(lines.length).toBe(expected.length + 1)
      await running.close()
    }
  })

  it.each(apps)(
    '%s: the response to a preflight request is the same as without the filter',
    async (_app, start) => {
      const [, make] = neighbours[0]!
      const preflight: RawRequest = {
        method: 'OPTIONS',
        headers: [
          ['Origin', 'https://a.example'],
          ['Access-Control-Request-Method', 'GET'],
          ['Access-Control-Request-Headers', 'Range, If-Range'],
          ['Range', 'bytes=0-0'],
        ],
      }
      const seen = []
      for (const uses of [[make()], [filter(), make()], [make(), filter()]]) {
        running = await start(...uses)
        const { status, fields } = await ask(running.port, preflight)
        seen.push([status, new Map([...fields].filter(([name]) => name !== 'date'))])
        await running.close()
      }
      expect(seen[0]![0]).toBe(204)
      expect(seen[1]).toEqual(seen[0])
      expect(seen[2]).toEqual(seen[0])
    },
  )
}

/** A slow store that records its calls. */
class SlowStore extends session.MemoryStore {
  readonly done: string[] = []

  override set(id: string, data: session.SessionData, callback?: (error?: unknown) => void): void {
    this.#later(() => super.set(id, data, callback), 'saved')
  }

  override touch(id: string, data: session.SessionData, callback?: () => void): void {
    this.#later(() => super.touch(id, data, callback), 'touched')
  }

  #later(act: () => void, what: string): void {
    setTimeout(() => {
      this.done.push(what)
      act()
    }, 20)
  }
}

describe.each(expressApps)('%s: a session', (_app, start) => {
  let running: Running
  afterEach(() => running.close())

  const change: RequestHandler = (request, _response, next) => {
    if (request.path === '/change') Object.assign(request.session, { changed: performance.now() })
    next()
  }
  // What the filter cuts out of writes is out before a session behind it learns of the end.
  const orders = [
    ...express.verbs.map(([verb, handler]) => ['before', verb, handler] as const),
    ['after', ...express.verbs[1]!] as const,
  ]
  it.each(orders)('%s %s is saved before the response ends', async (order, _verb, handler) => {
    const store = new SlowStore()
    const uses = [
      session({ store, secret: 's', resave: false, saveUninitialized: true }),
      forExpress.rangeServe(),
    ]
    running = await start(...(order === 'before' ? uses : uses.toReversed()), change, handler)
    const first = await ask(running.port, range('0-9'))
    expect(store.done).toEqual(['saved'])
    const cookie = field(first, 'Set-Cookie')!.split(';')[0]!
    for (const [path, what] of Object.entries({ '/': 'touched', '/change': 'saved' })) {
      for (const [status, ...headers] of decisions) {
        store.done.length = 0
        const request: RawRequest = { path, headers: [['Cookie', cookie], ...headers] }
        const response = await ask(running.port, request)
        expect(response.status).toBe(status)
        expect(store.done, `${path} ${status}`).toEqual([what])
        if (status === 200) expect(response.content.equals(bytes)).toBe(true)
      }
    }
  })
})
