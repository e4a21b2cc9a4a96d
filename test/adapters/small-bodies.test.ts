// A body in memory is sent past the framework if that costs less: the client gets the same bytes as
// without `rangeServe`, and other code sees the same response.

import { Buffer } from 'node:buffer'
import http from 'node:http'
import type { RequestHandler } from 'express'
import Koa, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { afterEach, describe, expect, it } from 'vitest'
import { rangeServe as expressServe } from '@range-serve/express'
import { rangeServe as koaServe } from '@range-serve/koa'
import { expressApps } from '../support/express-apps.ts'
import { createKoa, koaApps } from '../support/koa-apps.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, exchange, type RawResponse } from '../support/raw.ts'

const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
const bodies: [what: string, body: unknown][] = [
  ['all octets', octets],
  ['4096 bytes', Buffer.alloc(4096, octets)],
  ['4097 bytes', Buffer.alloc(4097, octets)],
  ['no bytes', Buffer.alloc(0)],
  [
    'bytes with a toString of their own',
    Object.assign(Buffer.from('right'), { toString: () => 'wrong' }),
  ],
  [
    'bytes with a latin1Slice of their own',
    Object.assign(Buffer.from('right'), { latin1Slice: () => 'wrong' }),
  ],
  ['no text', ''],
  ['short text', 'text'],
  ['long text', 'text'.repeat(100)],
  ['long text beyond ASCII', 'tëxt €'.repeat(100)],
  ['an object', { text: 'text'.repeat(100) }],
  ['an object beyond ASCII', { text: 'tëxt €'.repeat(100) }],
  ['an array', ['a', 1, null]],
  ['an object that makes JSON of itself', { toJSON: () => ({ a: 'b' }) }],
]
/** Some with a value that is sent as Latin-1 or as UTF-8, depending on how the content is written. */
const heads: [what: string, fields: Readonly<Record<string, string>>][] = [
  ['no more', {}],
  ['a field beyond ASCII', { 'X-Name': 'Zoë' }],
  ['a type', { 'Content-Type': 'application/x-own' }],
  ['a tag', { ETag: '"v1"' }],
  ['Vary', { Vary: 'Accept-Encoding' }],
]

/** What the filter does not change: all but the date, and what it adds. Express's own tags are weak. */
function unchanged({ status, fields, content }: RawResponse) {
  const { date: _, 'accept-ranges': __, etag, ...others } = Object.fromEntries(fields)
  const opaque = etag?.map((value) => value.replace(/^W\//, ''))
  return { status, others, opaque, content: content.toString('latin1') }
}

describe.each([...expressApps, ...koaApps].map(([name]) => name))('%s', (name) => {
  let running: Running
  afterEach(() => running.close())

  const start = async (body: unknown, fields: Readonly<Record<string, string>>, own: boolean) => {
    const express = expressApps.find(([each]) => each === name)?.[1]
    if (express) {
      const handler: RequestHandler = (_, response) => void response.set(fields).send(body)
      return express(...(own ? [expressServe()] : []), handler)
    }
    const handler: Middleware = (ctx) => {
      ctx.set(fields)
      ctx.body = body
    }
    return koaApps.find(([each]) => each === name)![1](...(own ? [koaServe()] : []), handler)
  }

  const cases = bodies.flatMap(([what, body]) =>
    heads.map((head) => [what, ...head, body] as const),
  )
  it.each(cases)('sends %s with %s as without the filter', async (what, head, fields, body) => {
    const asks = [{}, {}, { headers: [['Range', 'bytes=0-']] as const }]
    running = await start(body, fields, false)
    const plain = await exchange(running.port, asks)
    await running.close()
    running = await start(body, fields, true)
    const [one, two, range] = await exchange(running.port, asks)
    for (const each of [one!, two!]) {
      expect(unchanged(each), `${what} ${head}`).toEqual(unchanged(plain[0]!))
    }
    expect(one!.fields.get('accept-ranges')).toEqual(['bytes'])
    expect(range!.content.equals(plain[0]!.content)).toBe(true)
  })
})

/** What runs, or is read, between the middleware and the end of a response. */
type Change = (app: Koa) => void

const changes: [what: string, change: Change][] = [
  [
    'a handleRequest of its own',
    (app) => {
      const { handleRequest } = app as never as { handleRequest: (...args: unknown[]) => unknown }
      const respond = async (ctx: Koa.Context, work: (ctx: Koa.Context) => Promise<void>) => {
        await work(ctx)
        ctx.set('X-After', 'yes')
      }
      Object.assign(app, {
        handleRequest: (ctx: Koa.Context, work: (ctx: Koa.Context) => Promise<void>) =>
          Reflect.apply(handleRequest, app, [ctx, (own: Koa.Context) => respond(own, work)]),
      })
    },
  ],
  [
    // Koa 2 has none, and ignores it.
    'a compose of its own',
    (app) => {
      type Work = (ctx: Koa.Context) => Promise<void>
      const { compose } = app as never as { compose?: (all: unknown) => Work }
      if (!compose) return
      const composed = (all: unknown): Work => {
        const work = compose(all)
        return async (ctx) => {
          await work(ctx)
          ctx.set('X-After', 'yes')
        }
      }
      Object.assign(app, { compose: composed })
    },
  ],
  [
    'a body of its own',
    (app) =>
      Object.defineProperty(app.context, 'body', {
        get(this: Koa.Context) {
          return { wrapped: this.response.body as unknown }
        },
        set(this: Koa.Context, body: unknown) {
          this.response.body = body
        },
      }),
  ],
  ['a status of its own', (app) => Object.defineProperty(app.context, 'status', { value: 204 })],
  [
    'a method of its own',
    (app) => {
      Object.defineProperty(app.context, 'method', { value: 'HEAD' })
      // Koa sends no content then, and a length would have the client wait for it.
      Object.defineProperty(app.response, 'length', { get() {}, set() {} })
    },
  ],
  [
    'a context that cannot be written to',
    (app) => {
      Object.defineProperty(app.context, 'writable', { value: false })
      Object.defineProperty(app.response, 'length', { get() {}, set() {} })
      // Koa 2 sends nothing.
      app.middleware.splice(-1, 0, async (ctx, next) => {
        await next()
        setTimeout(() => ctx.res.end(), 5)
      })
    },
  ],
  [
    'a length of its own',
    (app) =>
      Object.defineProperty(app.context, 'length', {
        set(this: Koa.Context, length: number) {
          this.set('X-Length', String(length))
          this.response.length = length
        },
      }),
  ],
  [
    'a status of one context',
    (app) =>
      app.middleware.splice(-1, 0, async (ctx, next) => {
        await next()
        Object.defineProperty(ctx, 'status', { value: 204 })
      }),
  ],
  [
    'a prototype between its contexts and Koa',
    (app) => {
      const between = Object.create(app.context, {
        status: { value: 204 },
      }) as typeof app.context
      app.context = Object.create(between) as typeof app.context
    },
  ],
  [
    'contexts that are made of those of Koa',
    (app) => {
      const { createContext } = app
      const create = (...args: Parameters<typeof createContext>) =>
        Object.create(Reflect.apply(createContext, app, args), {
          length: {
            set(this: Koa.Context, length: number) {
              this.set('X-Length', String(length))
              this.response.length = length
            },
          },
        }) as ReturnType<typeof createContext>
      Object.assign(app, { createContext: create })
    },
  ],
  [
    'contexts that are proxies',
    (app) => {
      const { createContext } = app
      const create = (...args: Parameters<typeof createContext>) =>
        new Proxy(Reflect.apply(createContext, app, args), {
          set(ctx, name, value) {
            if (name === 'length') ctx.set('X-Length', String(value))
            return Reflect.set(ctx, name, value)
          },
        })
      Object.assign(app, { createContext: create })
    },
  ],
  [
    'a length that is set as Koa does it',
    (app) => {
      const target = 'response'
      const name = 'length'
      Object.defineProperty(app.context, name, {
        set(this: Koa.Context, val: number) {
          this.set('X-Length', String(val))
          this[target][name] = val
        },
      })
    },
  ],
  [
    'a context that is none of Koa',
    (app) => {
      const length = {
        configurable: true,
        set(this: Koa.Context, value: number) {
          this.set('X-Length', String(value))
          this.response.length = value
        },
      }
      const koas = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(app.context) as object)
      app.context = Object.create(null, { ...koas, length }) as typeof app.context
    },
  ],
  [
    'a body whose toJSON is another one each time',
    (app) =>
      app.middleware.splice(-1, 1, (ctx) => {
        let reads = 0
        ctx.body = {
          get toJSON() {
            reads++
            return reads === 1 ? undefined : () => 'later'
          },
        }
      }),
  ],
  [
    'a body that must not be read',
    (app) =>
      app.middleware.splice(-1, 1, (ctx) => {
        ctx.respond = false
        ctx.status = 200
        Object.defineProperty(ctx.response, 'body', {
          get() {
            throw new Error('read')
          },
        })
        setTimeout(() => ctx.res.end('text'), 5)
      }),
  ],
  ['a `fresh` that stays', (app) => Object.defineProperty(app.request, 'fresh', { value: false })],
]

async function listenTo(app: Koa): Promise<Running> {
  const respond = app.callback()
  return listen(http.createServer((request, response) => void respond(request, response)))
}

describe.each<[name: string, Application: typeof Koa]>([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('an application of %s', (_name, Application) => {
  const contents: [kind: string, body: unknown][] = [
    ['JSON', { a: 1 }],
    ['bytes', Buffer.from('{"a":1}')],
  ]
  const cases = changes.flatMap(([what, change]) =>
    contents.map(([kind, body]) => [what, kind, change, body] as const),
  )
  it.each(cases)('with %s sends %s as without the filter', async (_what, _kind, change, body) => {
    const responses: RawResponse[] = []
    for (const uses of [[], [koaServe()]]) {
      const { app } = createKoa(Application, ...uses, (ctx) => void (ctx.body = body))
      change(app)
      const running = await listenTo(app)
      responses.push(await ask(running.port, {}))
      await running.close()
    }
    const [plain, filtered] = responses
    expect(unchanged(filtered!)).toEqual(unchanged(plain!))
  })

  it.each(contents)('sees a member that is late for a response with %s', async (_kind, body) => {
    const { app } = createKoa(Application, koaServe(), (ctx) => void (ctx.body = body))
    const running = await listenTo(app)
    expect((await ask(running.port, {})).content.toString()).toBe('{"a":1}')
    Object.defineProperty(app.context, 'status', { value: 204 })
    expect((await ask(running.port, {})).content).toHaveLength(0)
    await running.close()
  })
})
