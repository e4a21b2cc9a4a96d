// Arbitrary requests over sockets: what arrives is what RFC 9110 says about a byte array.

import fs from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import express5 from 'express'
import express4 from 'express4'
import fc from 'fast-check'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import {
  fromBlob,
  fromBuffer,
  fromFile,
  fromReader,
  fromStream,
  serve,
  type Servable,
} from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { parseByteranges } from '../support/multipart.ts'
import { boundaryLength, judge, multipartLength, type Verdict } from '../support/oracle.ts'
import { exchange, field, type RawRequest, type RawResponse } from '../support/raw.ts'

const connections = 4
const requestsEach = 6
const runs = 60

const longest = 300_000
const bytes = pattern(longest)
const folder = temporaryFolder()
const lastModified = new Date('2025-01-01T10:00:00Z')

/** One representation, how it is served, and the requests for it. */
interface Case {
  readonly way: string
  readonly length: number
  readonly etag: string
  readonly type: string
  /** The sizes of the chunks of a stream, repeated. */
  readonly chunks: readonly number[]
  readonly method: string
  readonly range: readonly string[]
  readonly ifRange: string | undefined
  /** The option of this name, for `sendRange`. */
  readonly maxResponse?: number | undefined
}

/** The options of `sendRange`. */
const optionsOf = ({ maxResponse }: Case) => (maxResponse === undefined ? {} : { maxResponse })
const contentOf = ({ length }: Case): Buffer => bytes.subarray(0, length)
const metadata = ({ etag, type }: Case) => ({ etag, type, lastModified })

function filePath({ length }: Case): string {
  const file = path.join(folder, `${length}.bin`)
  if (!fs.existsSync(file)) writeOldFile(file, bytes.subarray(0, length), lastModified)
  return file
}

/** Bytes in chunks of arbitrary sizes, some empty, now and then in a separate turn. */
async function* inChunks(content: Uint8Array, { chunks }: Case): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < content.length; i++) {
    const chunk = chunks[i % chunks.length]!
    // At most a few hundred chunks.
    const size = chunk === 0 ? 0 : Math.max(chunk, Math.ceil(content.length / 300))
    yield content.subarray(at, at + size)
    at += size
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}
const toStream = (asked: Case): Readable =>
  Readable.from(inChunks(contentOf(asked), asked), { objectMode: false })

/** Created for one response by `sendRange`. */
const sources: Record<string, (asked: Case) => Servable | Promise<Servable>> = {
  'a Buffer': (asked) => fromBuffer(contentOf(asked), metadata(asked)),
  'a Blob': (asked) => fromBlob(new Blob([new Uint8Array(contentOf(asked))]), metadata(asked)),
  'a file': (asked) => fromFile(filePath(asked), metadata(asked)),
  'a one-pass stream': (asked) =>
    fromStream(toStream(asked), { length: asked.length, ...metadata(asked) }),
  'a one-pass generator': (asked) =>
    fromStream(inChunks(contentOf(asked), asked), { length: asked.length, ...metadata(asked) }),
  'a one-pass web stream': (asked) =>
    fromStream(Readable.toWeb(toStream(asked)), { length: asked.length, ...metadata(asked) }),
  'a stream opened at a range': (asked) =>
    fromStream(({ firstPos }) => inChunks(contentOf(asked).subarray(firstPos), asked), {
      length: asked.length,
      ...metadata(asked),
    }),
  'a reader in short reads': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      read: async ({ firstPos, lastPos }) =>
        inChunks(contentOf(asked).subarray(firstPos, lastPos + 1), asked),
    }),
  'a reader of so much at once': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      maxRead: Math.max(1, Math.ceil(asked.length / 20)),
      read: async ({ firstPos, lastPos }) => contentOf(asked).subarray(firstPos, lastPos + 1),
    }),
  'a reader that gives more': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      read: async ({ firstPos }) => bytes.subarray(firstPos),
    }),
}

/** Sent by the methods of Express, for the filter. */
const expressHandlers: Record<string, (asked: Case, response: express5.Response) => void> = {
  'res.send': (asked, response) => void response.send(contentOf(asked)),
  'res.end': (asked, response) => void response.end(contentOf(asked)),
  'a one-pass pipe': (asked, response) => {
    response.setHeader('Content-Length', asked.length)
    toStream(asked).pipe(response)
  },
  'a one-pass pipeline': (asked, response) => {
    response.setHeader('Content-Length', asked.length)
    pipeline(toStream(asked), response, (error) => error && response.destroy(error))
  },
  'one-pass writes': (asked, response) => {
    response.writeHead(200, { 'Content-Length': asked.length })
    void (async () => {
      for await (const chunk of inChunks(contentOf(asked), asked)) response.write(chunk)
      response.end()
    })()
  },
}

/** Set as the body of Koa, for the filter. */
const koaBodies: Record<string, (asked: Case) => unknown> = {
  'a body of bytes': contentOf,
  'a body that is a file stream': (asked) => fs.createReadStream(filePath(asked)),
  'a one-pass body': toStream,
}
const koa3Bodies: Record<string, (asked: Case) => unknown> = {
  ...koaBodies,
  'a body that is a Blob': (asked) => new Blob([new Uint8Array(contentOf(asked))]),
  'a one-pass web body': (asked) => Readable.toWeb(toStream(asked)),
}

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
  if (!asked) throw new Error(`Nobody asked for ${url}`)
  cases.delete(url!)
  return asked
}

async function answerWithCore(
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
  const answer = app.callback()
  return listen(http.createServer((request, response) => void answer(request, response)))
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
    stream.setTimeout(5000, () => reject(new Error('No answer within 5 s')))
  })
}

const verbs = Object.keys(sources)
const withExpress = [...verbs, ...Object.keys(expressHandlers)]
const servers: readonly Server[] = [
  { name: 'node:http', ways: verbs, ask: askHttp1, start: () => listen(http.createServer((...args) => void answerWithCore(...args))) }, // prettier-ignore
  { name: 'HTTP/2', ways: verbs, ask: askHttp2, adapt: forHttp2, start: () => listen(http2.createServer((...args) => void answerWithCore(...args))) }, // prettier-ignore
  { name: 'Express 5', ways: withExpress, ask: askHttp1, start: () => startExpress(express5, (app) => http.createServer(app)) }, // prettier-ignore
  { name: 'Express 5 on createServer', ways: withExpress, ask: askHttp1, start: () => startExpress(express5, forExpress.createServer) }, // prettier-ignore
  { name: 'Express 4', ways: withExpress, ask: askHttp1, start: () => startExpress(express4, (app) => http.createServer(app)) }, // prettier-ignore
  { name: 'Koa 3', ways: [...verbs, ...Object.keys(koa3Bodies)], ask: askHttp1, start: () => startKoa(Koa3) }, // prettier-ignore
  { name: 'Koa 2', ways: [...verbs, ...Object.keys(koaBodies)], ask: askHttp1, start: () => startKoa(Koa2) }, // prettier-ignore
]

const boundaries = [65_536, 262_144].flatMap((size) => [size - 1, size, size + 1])
const lengths = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 3) },
  { weight: 3, arbitrary: fc.integer({ min: 4, max: 600 }) },
  { weight: 4, arbitrary: fc.constantFrom(4096, 70_000, ...boundaries, longest) },
)

/** A position that matters: near the ends, near an internal size, anywhere, or beyond the end. */
const positions = (length: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: length + 2 }).map(String) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, length - 1, length, length + 1).map(toText) },
    { weight: 1, arbitrary: fc.constantFrom(...boundaries).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('0', '000', '007', '9'.repeat(30), '1'.repeat(300)) },
  )
const toText = (position: number): string => String(Math.max(0, position))

function rangeSpecs(length: number): fc.Arbitrary<string> {
  const position = positions(length)
  const ordered = fc.tuple(position, position).map(([a, b]) => (BigInt(a) > BigInt(b) ? `${b}-${a}` : `${a}-${b}`)) // prettier-ignore
  return fc.oneof(
    { weight: 6, arbitrary: ordered },
    { weight: 2, arbitrary: position.map((first) => `${first}-`) },
    { weight: 2, arbitrary: position.map((suffix) => `-${suffix}`) },
  )
}

/** Short ranges, apart from each other in a representation that is large enough, in any order. */
const specsApart = (length: number): fc.Arbitrary<string[]> =>
  fc
    .uniqueArray(fc.nat({ max: 3 + Math.floor(length / 250) }), { minLength: 2, maxLength: 9 })
    .map((slots) => slots.map((slot) => `${slot * 250}-${slot * 250 + (slot % 100)}`))

/** Gaps about as large as the overhead of a part, so that a byte decides which are joined. */
const specsNear = fc
  .array(fc.tuple(fc.integer({ min: 80, max: 120 }), fc.nat({ max: 40 })), {
    minLength: 2,
    maxLength: 8,
  })
  .map((pairs) => {
    let next = 0
    return pairs.map(([gap, more]) => {
      const first = next
      next += more + 1 + gap
      return `${first}-${first + more}`
    })
  })

/** About as many ranges as a response may have, far enough apart not to be joined. */
const manySpecs = fc
  .tuple(fc.integer({ min: 98, max: 103 }), fc.constantFrom(200, 2000), fc.boolean())
  .map(([many, step, reversed]) => {
    const specs = Array.from({ length: many }, (_, i) => `${i * step}-${i * step + 3}`)
    return reversed ? specs.toReversed() : specs
  })

function rangeValues(length: number): fc.Arbitrary<string> {
  const specs = fc.oneof(
    { weight: 5, arbitrary: fc.array(rangeSpecs(length), { minLength: 1, maxLength: 1 }) },
    { weight: 9, arbitrary: fc.array(rangeSpecs(length), { minLength: 2, maxLength: 6 }) },
    { weight: 6, arbitrary: specsApart(length) },
    { weight: 2, arbitrary: specsNear },
    { weight: 1, arbitrary: manySpecs },
  )
  const unit = fc.oneof(
    { weight: 8, arbitrary: fc.constant('bytes=') },
    { weight: 1, arbitrary: fc.constantFrom('Bytes=', 'BYTES=,', 'bytes= ', ' bytes=', 'items=', 'byte=', 'bytes =', '=', '') }, // prettier-ignore
  )
  const separator = fc.constantFrom(',', ',', ',', ', ', '\t,\t', ' , ,', ',,')
  const valid = fc
    .tuple(unit, specs, separator)
    .map(([name, set, between]) => name + set.join(between))
  return fc.oneof(
    { weight: 8, arbitrary: valid },
    { weight: 2, arbitrary: fc.tuple(valid, mutations).map(([text, mutate]) => mutate(text)) },
    { weight: 1, arbitrary: fieldText },
  )
}

/** Characters that a field value may hold, visible or not (§5.5). */
const fieldText = fc.string({
  maxLength: 40,
  unit: fc.oneof(
    fc.constantFrom('bytes', '=', '-', ',', '0', '1', '9', ' ', '\t', '"'),
    fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)), // prettier-ignore
  ),
})

/** Replaces a few characters. */
const mutations: fc.Arbitrary<(text: string) => string> = fc
  .array(
    fc.tuple(
      fc.nat(),
      fc.nat({ max: 2 }),
      fc.constantFrom('', '-', ',', '=', ' ', '\t', '0', '9', '"', ';', 'x', '\u00a0'),
    ),
    { minLength: 1, maxLength: 3 },
  ) // prettier-ignore
  .map(
    (edits) => (text) =>
      edits.reduce((edited, [place, removed, inserted]) => {
        const at = place % (edited.length + 1)
        return edited.slice(0, at) + inserted + edited.slice(at + removed)
      }, text),
  )

const ifRanges = fc.constantFrom(
  '"v1"',
  '"v1"',
  'W/"v1"',
  '"v2"',
  '"v1", "v2"',
  'v1',
  '',
  '"',
  '*',
  ...[0, 0, 1000, -1000].map((ms) => new Date(lastModified.getTime() + ms).toUTCString()),
)

const casesFor = (ways: readonly string[]): fc.Arbitrary<Case> =>
  lengths.chain((length) =>
    fc.record({
      way: fc.constantFrom(...ways),
      length: fc.constant(length),
      etag: fc.constantFrom('"v1"', '"v1"', 'W/"v1"'),
      type: fc.constantFrom('application/octet-stream', 'a/b'),
      chunks: fc
        .array(fc.constantFrom(0, 1, 2, 7, 100, 1000, 16_384, 65_536), { minLength: 1, maxLength: 4 })
        .map((sizes) => [...sizes, 50_000]), // prettier-ignore
      method: fc.constantFrom(...Array<string>(9).fill('GET'), 'HEAD'),
      range: fc.oneof(
        { weight: 18, arbitrary: fc.tuple(rangeValues(length)) },
        { weight: 1, arbitrary: fc.tuple(rangeValues(length), rangeValues(length)) },
        { weight: 1, arbitrary: fc.constant([]) },
      ),
      ifRange: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: ifRanges },
      ),
      maxResponse: fc.constantFrom(undefined, undefined, 1, 100, 65_536, 262_145),
    }),
  )

/** How often each kind of response occurred. */
type Tally = Record<'whole' | 'one' | 'several' | 'unsatisfiable', number>

function check(asked: Case, response: RawResponse, tally: Tally): void {
  const { length, method, type, etag } = asked
  const content = contentOf(asked)
  const isVerb = verbs.includes(asked.way)
  const question = {
    ...asked,
    lastModified,
    ascending: asked.way.includes('one-pass'),
    maxResponse: isVerb ? asked.maxResponse : undefined,
  }
  const verdict = judge(question)
  expect(response.status).toBe(verdict.status)
  const contentRange = field(response, 'Content-Range')
  const contentLength = Number(field(response, 'Content-Length'))
  expect(field(response, 'Accept-Ranges')).toBe('bytes')
  expect(response.content.length).toBeLessThanOrEqual(length)
  if (method === 'HEAD') {
    expect(contentLength).toBe(length)
    expect(response.content).toHaveLength(0)
    return
  }
  expect(contentLength).toBe(response.content.length)
  if (verdict.status === 416) {
    tally.unsatisfiable++
    expect(contentRange).toBe(`bytes */${length}`)
    expect(response.content).toHaveLength(0)
    return
  }
  const isFile = asked.way === 'a body that is a file stream'
  // A weak tag of a file stream gives way to the strong one of its file.
  if (isFile && etag.startsWith('W/')) expect(field(response, 'ETag')).toMatch(/^"/)
  else expect(field(response, 'ETag')).toBe(etag)
  if (verdict.status === 200) {
    tally.whole++
    expect(contentRange).toBeUndefined()
    expect(response.content.equals(content)).toBe(true)
    return
  }
  const { ranges } = verdict as Extract<Verdict, { status: 206 }>
  const [firstPos, lastPos] = ranges[0]!
  if (ranges.length === 1) {
    tally.one++
    expect(contentRange).toBe(`bytes ${firstPos}-${lastPos}/${length}`)
    expect(field(response, 'Content-Type')).toBe(type)
    expect(response.content.equals(content.subarray(firstPos, lastPos + 1))).toBe(true)
    return
  }
  tally.several++
  expect(contentRange).toBeUndefined()
  const contentType = field(response, 'Content-Type')!
  expect(contentType).toMatch(new RegExp(`; boundary=[0-9a-z]{${boundaryLength}}$`))
  const parts = parseByteranges(contentType, response.content)
  expect(parts.map((part) => [part.firstPos, part.lastPos])).toEqual(ranges)
  for (const part of parts) {
    expect(part.type).toBe(type)
    expect(part.contentRange).toBe(`bytes ${part.firstPos}-${part.lastPos}/${length}`)
    expect(part.content.equals(content.subarray(part.firstPos, part.lastPos + 1))).toBe(true)
  }
  expect(contentLength).toBe(multipartLength(question, ranges))
}

describe('what arrives is what RFC 9110 says about a byte array', () => {
  it.each(servers.map((server) => [server.name, server] as const))(
    'by %s, whatever is requested',
    { timeout: 60_000 },
    async (_name, { ways, start, ask, adapt = (asked) => asked }) => {
      const running = await start()
      const asking = fc.array(
        fc.array(casesFor(ways).map(adapt), { minLength: requestsEach, maxLength: requestsEach }),
        { minLength: connections, maxLength: connections },
      )
      const tally: Tally = { whole: 0, one: 0, several: 0, unsatisfiable: 0 }
      try {
        await fc.assert(
          fc.asyncProperty(asking, async (asked) => {
            const answers = await ask(running.port, asked)
            for (const [i, onOne] of asked.entries()) {
              for (const [j, each] of onOne.entries()) check(each, answers[i]![j]!, tally)
            }
          }),
          // A failure is shrunk for a while, and reported with its seed, rather than by a timeout.
          { numRuns: runs, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true },
        )
      } finally {
        await running.close()
      }
      // A property says nothing about a kind that never occurred.
      for (const [kind, times] of Object.entries(tally)) expect(times, kind).toBeGreaterThan(10)
    },
  )

  it('is requested more than five thousand times', () => {
    expect(servers.length * runs * connections * requestsEach).toBeGreaterThan(5000)
  })
})
