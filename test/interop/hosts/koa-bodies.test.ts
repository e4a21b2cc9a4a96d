// Bodies of every class, in both versions of Koa, compared with Koa alone: body × way × status ×
// connection. The only differences allowed are the ranges themselves, a source that is closed sooner,
// and what Koa alone leaves open.

import type { ChildProcess } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { finished, Readable } from 'node:stream'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { type ByteStream, fromStream } from '@range-serve/core'
import { rangeServe } from '@range-serve/koa'
import { openDescriptors, until } from '../../support/fixture.ts'
import { listen } from '../../support/listen.ts'
import { parseByteranges } from '../../support/multipart.ts'
import { bytes, classes, size, Witness } from '../../support/koa-bodies.ts'

const big = '5-150004'
const asks: [what: string, status: number, method: string, headers: Record<string, string>][] = [
  ['a full response', 200, 'GET', {}],
  ['a range', 206, 'GET', { Range: 'bytes=5-104' }],
  ['a long range', 206, 'GET', { Range: `bytes=${big}` }],
  ['several', 206, 'GET', { Range: 'bytes=5-104,100000-100099' }],
  ['If-None-Match', 304, 'GET', { 'If-None-Match': '"e"' }],
  ['If-Match', 412, 'GET', { 'If-Match': '"other"' }],
  ['what is not there', 416, 'GET', { Range: `bytes=${size}-` }],
  ['HEAD', 200, 'HEAD', {}],
]

interface Seen {
  readonly status: number | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly content: Buffer
  readonly error?: Error
}

function request(port: number, agent: http.Agent | false, [, , method, headers]: (typeof asks)[0]) {
  return new Promise<Seen>((resolve) => {
    const chunks: Buffer[] = []
    const fail = (error: Error) =>
      resolve({ status: undefined, headers: {}, content: Buffer.concat(chunks), error })
    http
      .request({ host: '127.0.0.1', port, method, headers, agent, timeout: 5000 }, (response) => {
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            content: Buffer.concat(chunks),
          }),
        )
      })
      .on('timeout', function onTimeout(this: http.ClientRequest) {
        this.destroy(new Error('no response'))
      })
      .on('error', fail)
      .end()
  })
}

/** The outcome of all requests of one kind of handler. */
interface Outcome {
  readonly seen: Seen[]
  readonly errors: string[]
  readonly callbacks: string[]
  readonly connections: number
}

type Handler = (ctx: Context, witness: Witness) => Promise<void>

async function run(Koa: typeof Koa3, filters: boolean, keepAlive: boolean, handler: Handler) {
  const witness = new Witness()
  const app = new Koa()
  const errors: string[] = []
  app.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message))
  if (filters) app.use(rangeServe())
  app.use((ctx) => handler(ctx, witness))
  const respond = app.callback()
  const running = await listen(http.createServer((req, res) => void respond(req, res)))
  let connections = 0
  running.server.on('connection', () => connections++)
  const agent = keepAlive && new http.Agent({ keepAlive, maxSockets: 1 })
  const seen: Seen[] = []
  for (const each of asks) seen.push(await request(running.port, agent, each))
  if (filters) {
    await until('all files are closed', () => openDescriptors(witness.file) === 0)
    const isOver = (socket: net.Socket) => socket.destroyed
    await until('all sockets are closed', () => [...witness.sockets].every(isOver))
    const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode
    await until('all children are gone', () => [...witness.children].every(hasEnded))
  }
  for (const child of witness.children) child.kill()
  for (const socket of witness.sockets) socket.destroy()
  if (agent) agent.destroy()
  await running.close()
  const outcome: Outcome = { seen, errors, callbacks: witness.callbacks, connections }
  return outcome
}

function expectRanges({ seen }: Outcome, content: Buffer, isCut: boolean): void {
  for (const [i, [what, status, method, headers]] of asks.entries()) {
    const { status: got, headers: fields, content: received, error } = seen[i]!
    expect(error, what).toBeUndefined()
    expect(got, what).toBe(isCut ? status : 200)
    if (got === 200) {
      const whole = method === 'HEAD' ? Buffer.alloc(0) : content
      expect(received.equals(whole), what).toBe(true)
      if (isCut) expect(fields['accept-ranges'], what).toBe('bytes')
    } else if (got === 206) {
      const slices = headers['Range']!.slice('bytes='.length).split(',').map((each) => {
        const [firstPos, lastPos] = each.split('-').map(Number) as [number, number]
        return content.subarray(firstPos, lastPos + 1)
      }) // prettier-ignore
      const parts =
        slices.length === 1
          ? [{ content: received }]
          : parseByteranges(fields['content-type']!, received)
      expect(parts.length).toBe(slices.length)
      for (const [j, part] of parts.entries()) {
        expect(part.content.equals(slices[j]!), `${what}, part ${j}`).toBe(true)
      }
    } else {
      expect(received.length, what).toBe(0)
    }
  }
}

const versions = [
  [3, Koa3],
  [2, Koa2],
] as const

const rows = versions.flatMap(([version, Koa]) =>
  classes
    .filter((each) => each.versions?.includes(version) ?? true)
    .flatMap((each) =>
      [true, false].map(
        (keepAlive) =>
          [`Koa ${version}, ${each.name}, ${keepAlive ? 'kept' : 'closed'}`, version, Koa, each, keepAlive] as const, // prettier-ignore
      ),
    ),
)

/** A source that is ended early may report success, never an error that it does not report with Koa alone. */
function expectNoNews(ours: readonly string[], alone: readonly string[], what: string): void {
  // A client that closes its connection may have all of the content before a stream reports its end:
  // Koa 3 reports that now and then, with or without the filter.
  const known = ['done', ...alone, ...(what === 'errors' ? ['ERR_STREAM_PREMATURE_CLOSE'] : [])]
  const news = ours.filter((each) => !known.includes(each))
  expect(news, what).toEqual([])
}

describe('ctx.body', () => {
  it.each(rows)(
    'is sent as by Koa alone, apart from ranges: %s',
    async (_title, version, Koa, { make, content, length, cut }, keepAlive) => {
      const handler: Handler = async (ctx, witness) => {
        const body = await make(witness)
        ctx.body = body
        ctx.set('ETag', '"e"')
        if (length) ctx.length = size
        // Koa itself ends what a HEAD does not read, and what a client has left.
        if (keepAlive && ctx.method === 'GET' && body instanceof Readable) {
          finished(body, { writable: false }, witness.done)
        }
      }
      const alone = await run(Koa, false, keepAlive, handler)
      const ours = await run(Koa, true, keepAlive, handler)
      expectRanges(ours, content ?? bytes, cut?.includes(version) ?? true)
      expectNoNews(ours.errors, alone.errors, 'errors')
      expectNoNews(ours.callbacks, alone.callbacks, 'callbacks')
      expect(ours.connections).toBeLessThanOrEqual(alone.connections)
    },
  )
})

describe('sendRange(fromStream())', () => {
  const iterable = rows.filter(([, , , { length, cut, name }]) => length && !cut && !/Response/.test(name)) // prettier-ignore
  it.each(iterable)(
    'sends every kind of response: %s',
    async (_title, _version, Koa, { make }, keepAlive) => {
      const handler: Handler = async (ctx, witness) => {
        const stream = (await make(witness)) as ByteStream
        await ctx.sendRange(fromStream(stream, { length: size, etag: '"e"' }))
      }
      const ours = await run(Koa, true, keepAlive, handler)
      expectRanges(ours, bytes, true)
      expectNoNews(ours.errors, [], 'errors')
      expectNoNews(ours.callbacks, [], 'callbacks')
      if (keepAlive) expect(ours.connections).toBe(1)
    },
  )
})
