// Servers of each kind, and clients that send many requests to them at once.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import express5 from 'express'
import express4 from 'express4'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { expect } from 'vitest'
import { serve } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { listen, type Running } from '../support/listen.ts'
import { exchange, type RawRequest, type RawResponse } from '../support/raw.ts'
import { type Case, lastModified } from './cases.ts'
import { bytes, expressHandlers, koa3Bodies, koaBodies, optionsOf, sources } from './ways.ts'

interface Server {
  readonly name: string
  readonly ways: readonly string[]
  start(): Promise<Running>
  /** The part of a case that its client can send. */
  readonly adapt?: (asked: Case) => Case
  /** Sends requests on several connections at once, several on each. */
  ask(port: number, asked: readonly (readonly Case[])[]): Promise<RawResponse[][]>
}

// The request names the case, so that a server needs nothing else.
const cases = new Map<string, Case>()
let count = 0
function nameOf(asked: Case): string {
  const name = `/${count++}`
  cases.set(name, asked)
  return name
}
function take(url: string | undefined): Case {
  const asked = cases.get(url ?? '')
  if (!asked) throw new Error(`No request has the name ${url}`)
  cases.delete(url!)
  return asked
}

async function respondWithCore(
  request: IncomingMessage | http2.Http2ServerRequest,
  response: ServerResponse | http2.Http2ServerResponse,
): Promise<void> {
  const asked = take(request.url)
  await serve(request, response, await sources[asked.way]!(asked), optionsOf(asked))
}

function startExpress(
  create: typeof express5,
  createServer: (app: express5.Express) => http.Server,
): Promise<Running> {
  const app = create()
  app.use(forExpress.rangeServe())
  app.use((request, response) => {
    const asked = take(request.url)
    const source = sources[asked.way]?.(asked)
    if (source) {
      void Promise.resolve(source).then((made) => response.sendRange(made, optionsOf(asked)))
      return
    }
    response.setHeader('Content-Type', asked.type)
    response.setHeader('ETag', asked.etag)
    response.setHeader('Last-Modified', lastModified.toUTCString())
    expressHandlers[asked.way]!(asked, response)
  })
  return listen(createServer(app))
}

function startKoa(Koa: typeof Koa3): Promise<Running> {
  const app = new Koa()
  app.use(forKoa.rangeServe())
  app.use(async (ctx: Context) => {
    const asked = take(ctx.url)
    const source = await sources[asked.way]?.(asked)
    if (source) {
      await ctx.sendRange(source, optionsOf(asked))
      return
    }
    ctx.body = koa3Bodies[asked.way]!(asked)
    ctx.set('Content-Type', asked.type)
    ctx.set('ETag', asked.etag)
    ctx.lastModified = lastModified
    if (asked.way.startsWith('a one-pass')) ctx.length = asked.length
  })
  const respond = app.callback()
  return listen(http.createServer((request, response) => void respond(request, response)))
}

function fieldLines({ range, ifRange }: Case): [string, string][] {
  const lines = range.map((value): [string, string] => ['Range', value])
  return ifRange === undefined ? lines : [...lines, ['If-Range', ifRange]]
}

/** All of a connection's requests are sent at once; a last one shows that nothing else arrives. */
const askHttp1: Server['ask'] = (port, asked) =>
  Promise.all(
    asked.map(async (onOne) => {
      const requests: RawRequest[] = onOne.map((each) => ({
        method: each.method,
        path: nameOf(each),
        headers: fieldLines(each),
      }))
      const last = { way: 'a Buffer', length: 1, etag: '"l"', type: 'a/b', chunks: [] } as const
      const path = nameOf({ ...last, method: 'GET', range: [], ifRange: undefined })
      const responses = await exchange(port, [...requests, { path }])
      expect(responses.pop()).toMatchObject({ status: 200, content: bytes.subarray(0, 1) })
      return responses
    }),
  )

const askHttp2: Server['ask'] = (port, asked) =>
  Promise.all(
    asked.map(async (onOne) => {
      const session = http2.connect(`http://127.0.0.1:${port}`)
      try {
        return await Promise.all(onOne.map((each) => askStream(session, each)))
      } finally {
        session.destroy()
      }
    }),
  )

/** Node's client sends neither two Range lines nor white space around a value. */
const forHttp2 = (asked: Case): Case => ({
  ...asked,
  range: asked.range.slice(0, 1).map((value) => value.trim()),
})

function askStream(session: http2.ClientHttp2Session, asked: Case): Promise<RawResponse> {
  const lines = fieldLines(asked).map(([name, value]) => [name.toLowerCase(), value] as const)
  const stream = session.request({
    ':path': nameOf(asked),
    ':method': asked.method,
    ...Object.fromEntries(lines),
  })
  stream.end()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let status = 0
    const fields = new Map<string, string[]>()
    stream.on('response', (head) => {
      status = Number(head[':status'])
      for (const [name, value] of Object.entries(head)) fields.set(name, [String(value)])
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve({ status, fields, content: Buffer.concat(chunks) }))
    stream.on('error', reject)
    stream.setTimeout(5000, () => reject(new Error('No response within 5 s')))
  })
}

export const verbs = Object.keys(sources)
const withExpress = [...verbs, ...Object.keys(expressHandlers)]
export const servers: readonly Server[] = [
  { name: 'node:http', ways: verbs, ask: askHttp1, start: () => listen(http.createServer((...args) => void respondWithCore(...args))) }, // prettier-ignore
  { name: 'HTTP/2', ways: verbs, ask: askHttp2, adapt: forHttp2, start: () => listen(http2.createServer((...args) => void respondWithCore(...args))) }, // prettier-ignore
  { name: 'Express 5', ways: withExpress, ask: askHttp1, start: () => startExpress(express5, (app) => http.createServer(app)) }, // prettier-ignore
  { name: 'Express 5 on createServer', ways: withExpress, ask: askHttp1, start: () => startExpress(express5, forExpress.createServer) }, // prettier-ignore
  { name: 'Express 4', ways: withExpress, ask: askHttp1, start: () => startExpress(express4, (app) => http.createServer(app)) }, // prettier-ignore
  { name: 'Koa 3', ways: [...verbs, ...Object.keys(koa3Bodies)], ask: askHttp1, start: () => startKoa(Koa3) }, // prettier-ignore
  { name: 'Koa 2', ways: [...verbs, ...Object.keys(koaBodies)], ask: askHttp1, start: () => startKoa(Koa2) }, // prettier-ignore
]
