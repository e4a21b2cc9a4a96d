// Every way to serve the representation: adapter × source × verb, filter or folder.

import fs from 'node:fs'
import { open } from 'node:fs/promises'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import express5, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import {
  fromBlob,
  fromBuffer,
  fromFile,
  fromReader,
  fromStream,
  type NodeResponse,
  rangeStatic,
  type SendOptions,
  type Servable,
  serve,
  type StaticRequestHandler,
} from '@range-serve/core'
import { fromHttp } from '@range-serve/http'
import { fromS3 } from '@range-serve/s3'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'
import { nameOf, type Runtime, runWith } from '../support/runtimes.ts'
import { handlers } from './fetch-handlers.ts'
import { frameworkServers } from './framework-servers.ts'
import { representation, toHead } from './requirements.ts'
import { filter, sendRange } from './small-adapter.ts'
import { type Context, createServer } from './small-framework.ts'

export const bytes = pattern(representation.length)
const folder = temporaryFolder()
const fileName = 'representation.bin'
const filePath = path.join(folder, fileName)
writeOldFile(filePath, bytes, representation.lastModified)

export interface TestServer {
  readonly name: string
  /** Whether several ranges are sent in ascending order, since the bytes pass once. */
  readonly ascending: boolean
  /** Whether it speaks HTTP/2 rather than HTTP/1. */
  readonly http2?: boolean
  /** The requirements that this combination does not meet, by id, and why. */
  readonly otherwise: Readonly<Record<string, string>>
  /** Why several requests must not be sent at once on one connection. */
  readonly sequential?: string
  start(): Promise<{ port: number; close(): Promise<void> }>
}

const { type, etag, lastModified, cacheControl } = representation
const metadata: SendOptions = { type, etag, lastModified }

/** A new source for each response, by name. */
const sources: Record<string, () => Servable | Promise<Servable>> = {
  'a path': () => filePath,
  'a file: URL': () => pathToFileURL(filePath),
  'a FileHandle': () => open(filePath),
  fromFile: () => fromFile(filePath),
  'a Uint8Array': () => new Uint8Array(bytes),
  'a Buffer': () => fromBuffer(bytes),
  'a Blob': () => fromBlob(new Blob([new Uint8Array(bytes)])),
  'a one-pass stream': () => fromStream(slowly(bytes), { length: bytes.length }),
  'a web stream': () => fromStream(Readable.toWeb(slowly(bytes)), { length: bytes.length }),
  'a stream opened at a range': () =>
    fromStream(({ firstPos }) => fs.createReadStream(filePath, { start: firstPos }), {
      length: bytes.length,
    }),
  fromReader: () =>
    fromReader({
      length: bytes.length,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
  'fromReader in small reads': () =>
    fromReader({
      length: bytes.length,
      maxRead: 1000,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
}
const isOnePass = (source: string) => source === 'a one-pass stream' || source === 'a web stream'

/** A stream in chunks of uneven sizes, each in a turn of its own. */
function slowly(content: Buffer): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0, size = 1; at < content.length; at += size, size = (size * 7 + 3) % 1500) {
      yield content.subarray(at, at + size)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}

/** FileHandles that stay open after a response, since the caller closes them. */
async function withSource<T>(
  make: () => Servable | Promise<Servable>,
  send: (source: Servable) => Promise<T>,
): Promise<T> {
  const source = await make()
  try {
    return await send(source)
  } finally {
    if (isClosable(source)) await source.close()
  }
}

function isClosable(source: Servable): source is Awaited<ReturnType<typeof open>> {
  return typeof source === 'object' && 'fd' in source && 'stat' in source
}

const fields: [string, string][] = [
  ['Cache-Control', cacheControl],
  ['Vary', 'Origin'],
  ['Access-Control-Allow-Origin', '*'],
]
const describing: [string, string][] = [
  ['Content-Type', type],
  ['ETag', etag],
  ['Last-Modified', lastModified.toUTCString()],
]

function nodeServer(
  name: string,
  source: string,
  options: SendOptions = {},
  more: Partial<TestServer> = {},
): TestServer {
  const respond = (
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ): void => {
    for (const [field, value] of fields) response.setHeader(field, value)
    void withSource(sources[source]!, (servable) =>
      serve(request, response, servable, { ...metadata, ...options }),
    ).catch((error: Error) => response.destroy(error))
  }
  return {
    name,
    ascending: isOnePass(source),
    otherwise: {},
    ...more,
    start: () =>
      listen(more.http2 === true ? http2.createServer(respond) : http.createServer(respond)),
  }
}

/** A store of one object, as the client of the SDK shows it. */
const store = {
  headObject: async () => ({ ContentLength: bytes.length, ETag: '"v1"' }),
  getObject: async ({ Range = '' }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(Range)!.map(Number) as [
      number,
      number,
      number,
    ]
    return {
      ETag: '"v1"',
      ContentRange: `bytes ${first}-${last}/${bytes.length}`,
      Body: slowly(bytes.subarray(first, last + 1)),
    }
  },
}

/** A server whose source is read from another server. */
function behindOrigin(
  name: string,
  start: (source: () => Servable) => Promise<Awaited<ReturnType<typeof listen>>>,
): TestServer {
  return {
    name,
    ascending: false,
    otherwise: {},
    start: async () => {
      const origin = await listen(
        http.createServer((request, response) => void serve(request, response, filePath)),
      )
      const { port, close } = await start(() => fromHttp(`http://127.0.0.1:${origin.port}/`))
      return { port, close: () => close().then(origin.close) }
    },
  }
}

/** The adapter that CONTRIBUTING.md shows, for a one-page framework. */
function smallServer(
  name: string,
  handler: (context: Context) => unknown,
  more: Partial<TestServer> = {},
): TestServer {
  const prepareFields = ({ fields: set }: Context): void => {
    for (const [field, value] of fields) set.set(field.toLowerCase(), value)
  }
  return {
    name: `a one-page framework, ${name}`,
    ascending: false,
    otherwise: {},
    ...more,
    start: () => listen(createServer(prepareFields, handler, filter)),
  }
}

function nodeFolder(
  name: string,
  handler: StaticRequestHandler<NodeResponse>,
  more: Partial<TestServer> = {},
): TestServer {
  const respond = (
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ): void => {
    for (const [field, value] of fields) response.setHeader(field, value)
    void handler(request, response)
  }
  return {
    name,
    ascending: false,
    ...more,
    otherwise: folderOtherwise,
    start: () =>
      listen(more.http2 === true ? http2.createServer(respond) : http.createServer(respond)),
  }
}

type ExpressFactory = () => Express

/** Express 5 over another server, whose URL is known once it listens. */
const expressOverHttp = behindOrigin('Express 5, sendRange, fromHttp', (source) => {
  const app = express5().use(forExpress.rangeServe())
  app.use((_request, response) => {
    for (const [field, value] of fields) response.setHeader(field, value)
    void response.sendRange(source(), metadata)
  })
  return listen(http.createServer(app))
})

function expressServer(
  name: string,
  create: ExpressFactory,
  handler: RequestHandler,
  more: Partial<TestServer> & { createServer?: (app: Express) => http.Server } = {},
): TestServer {
  const { createServer = (app) => http.createServer(app) } = more
  return {
    name,
    ascending: false,
    otherwise: {},
    ...more,
    start: () => {
      const app = create()
      app.use((_request, response, next) => {
        for (const [field, value] of fields) response.setHeader(field, value)
        next()
      })
      app.use(forExpress.rangeServe())
      app.use(handler)
      return listen(createServer(app))
    },
  }
}

const describeThen =
  (send: RequestHandler): RequestHandler =>
  (request, response, next) => {
    for (const [field, value] of describing) response.setHeader(field, value)
    return send(request, response, next)
  }

const expressFilters: Record<string, RequestHandler> = {
  'res.send of a Buffer': (_request, response) => void response.send(bytes),
  'res.end of a Buffer': (_request, response) => void response.end(bytes),
  'res.end of a Uint8Array': (_request, response) => void response.end(new Uint8Array(bytes)),
  'pipe with a length': (_request, response) => {
    response.setHeader('Content-Length', bytes.length)
    slowly(bytes).pipe(response)
  },
  'pipeline with a length': (_request, response, next) => {
    response.setHeader('Content-Length', bytes.length)
    pipeline(slowly(bytes), response, (error) => (error ? next(error) : undefined))
  },
  'writeHead and writes': (_request, response) => {
    response.writeHead(200, 'OK', { 'Content-Length': bytes.length })
    for (let at = 0; at < bytes.length; at += 700) response.write(bytes.subarray(at, at + 700))
    response.end()
  },
  'writeHead with a list': (_request, response) => {
    response.writeHead(200, ['Content-Length', String(bytes.length)])
    response.end(bytes)
  },
  'a file stream': (_request, response) => {
    response.setHeader('Content-Length', bytes.length)
    fs.createReadStream(filePath).pipe(response)
  },
  'a file stream without a length': (_request, response) => {
    fs.createReadStream(filePath).pipe(response)
  },
  'a pipeline of a file stream': (_request, response, next) => {
    pipeline(fs.createReadStream(filePath), response, (error) => (error ? next(error) : undefined))
  },
}
const koa2Http2 = toHead('Koa 2 does not respond to HEAD over HTTP/2, with or without range-serve')
const koa3Http2 = toHead('Koa 3 destroys the stream for HEAD over HTTP/2 before its length is read')
const isSeekable = (name: string) => name.startsWith('res.') || name.includes('file stream')

function koaServer(
  name: string,
  Koa: typeof Koa3,
  middleware: Middleware,
  more: Partial<TestServer> = {},
): TestServer {
  return {
    name,
    ascending: false,
    otherwise: {},
    ...more,
    start: () => {
      const app = new Koa()
      app.silent = true
      app.use(async (ctx, next) => {
        for (const [field, value] of fields) ctx.set(field, value)
        await next()
      })
      app.use(forKoa.rangeServe())
      app.use(middleware)
      const respond = app.callback()
      return listen(
        more.http2 === true
          ? http2.createServer((request, response) => void respond(request, response))
          : http.createServer((request, response) => void respond(request, response)),
      )
    },
  }
}

type Body = () => unknown
const koaBodies: Record<string, { body: Body; length?: boolean; ascending?: boolean; since?: 3 }> =
  {
    'a Buffer': { body: () => bytes },
    'a Uint8Array': { body: () => new Uint8Array(bytes) },
    'a file stream': { body: () => fs.createReadStream(filePath) },
    'a file stream with a length': { body: () => fs.createReadStream(filePath), length: true },
    'a stream with a length': { body: () => slowly(bytes), length: true, ascending: true },
    'a Blob': { body: () => new Blob([new Uint8Array(bytes)]), since: 3 },
    'a web stream with a length': {
      body: () => Readable.toWeb(slowly(bytes)),
      length: true,
      ascending: true,
      since: 3,
    },
    'a Response with a length': {
      body: () => new Response(new Uint8Array(bytes), { headers: { 'Content-Length': '10000' } }),
      ascending: true,
      since: 3,
    },
  }

const expresses: [string, ExpressFactory][] = [
  ['Express 5', express5],
  ['Express 4', express4],
]
const koas: [string, typeof Koa3, 2 | 3][] = [
  ['Koa 3', Koa3, 3],
  ['Koa 2', Koa2, 2],
]
/** The requirements on methods that the filter leaves alone, each not met for one reason. */
const toOthers = (reason: string): Record<string, string> => ({
  'range-post': reason,
  'range-options': reason,
})
const folderOtherwise = toOthers(
  'rangeStatic leaves methods other than GET and HEAD to the next handler',
)
const viewOtherwise = toOthers(
  'Koa sends bytes other than a Buffer as JSON if the filter leaves the method alone',
)
const folderOptions = { etag, cacheControl } as const
/** A store that has the same source under every path. */
const find = () => fromBuffer(bytes, { type, etag, lastModified })
const storeOptions = { cacheControl } as const

function koaServers(
  name: string,
  Koa: typeof Koa3,
  version: 2 | 3,
  more: Partial<TestServer>,
): TestServer[] {
  return [
    ...Object.keys(sources).map((source) =>
      koaServer(
        `${name}, sendRange, ${source}`,
        Koa,
        async (ctx) => {
          const servable = await sources[source]!()
          const { finished } = await ctx.sendRange(servable, metadata)
          if (isClosable(servable)) void finished.then(() => servable.close())
        },
        { ascending: isOnePass(source), ...more },
      ),
    ),
    ...Object.entries(koaBodies)
      .filter(([, { since = 2 }]) => since <= version)
      .map(([body, { body: make, length = false, ascending = false }]) =>
        koaServer(
          `${name}, filter, ${body}`,
          Koa,
          (ctx) => {
            ctx.body = make()
            for (const [field, value] of describing) ctx.set(field, value)
            if (length) ctx.length = bytes.length
          },
          {
            ascending,
            ...more,
            otherwise: {
              ...more.otherwise,
              ...(body === 'a Uint8Array' ? viewOtherwise : {}),
              ...(more.http2 === true && version === 3 && body === 'a file stream'
                ? koa3Http2
                : {}),
            },
          },
        ),
      ),
    koaServer(
      `${name}, rangeStatic`,
      Koa,
      forKoa.rangeStatic(folder, { ...folderOptions, index: fileName }),
      { ...more, otherwise: { ...more.otherwise, ...folderOtherwise } },
    ),
    koaServer(`${name}, rangeStatic of a function`, Koa, forKoa.rangeStatic(find, storeOptions), {
      ...more,
      otherwise: { ...more.otherwise, ...folderOtherwise },
    }),
  ]
}

const runtimes: Runtime[] = ['Bun', 'Deno']
const fetchServer = fileURLToPath(new URL('fetch-server.ts', import.meta.url))
const joined = {
  'range-two-lines-joining': 'The Headers of a web Request join the field lines of one name',
}

const sequential = {
  sequential: `${nameOf('Bun')} closes a connection with a request before an asynchronous response`,
}

/** `fetch` handlers: on Node by the server of Hono, and on Bun and Deno by their own. */
function fetchServers(): TestServer[] {
  const onNode = Object.entries(handlers(filePath)).map(([name, fetch]) => ({
    name: `toResponse of ${name}, @hono/node-server`,
    start: () => {
      const respond = getRequestListener(fetch, { overrideGlobalObjects: false })
      return listen(http.createServer((request, response) => void respond(request, response)))
    },
    otherwise: joined,
  }))
  const elsewhere = runtimes.flatMap((runtime) => {
    const ports = runWith(runtime, fetchServer, filePath)
    return onNode.map(({ name }) => {
      const handler = name.replace(/, @.*/, '')
      return {
        name: `${handler}, ${nameOf(runtime)}`,
        start: async () => {
          const found = (await ports()) as Record<string, number>
          return { port: found[handler.replace('toResponse of ', '')]!, close: async () => {} }
        },
        otherwise: joined,
        ...(runtime === 'Bun' ? sequential : {}),
      }
    })
  })
  return [...onNode, ...elsewhere].map((server) => ({
    ...server,
    ascending: server.name.includes('a web stream'),
  }))
}

export const servers: readonly TestServer[] = [
  nodeServer('node:http, serve, a path read asynchronously', 'a path', { reads: 'async' }),
  ...Object.keys(sources).map((source) => nodeServer(`node:http, serve, ${source}`, source)),
  ...Object.keys(sources).map((source) =>
    nodeServer(`node:http2, serve, ${source}`, source, {}, { http2: true }),
  ),
  ...[false, true].flatMap((isHttp2) => {
    const name = isHttp2 ? 'node:http2' : 'node:http'
    const own = rangeStatic<NodeResponse>(folder, { ...folderOptions, index: fileName })
    return [
      nodeFolder(`${name}, rangeStatic`, own, { http2: isHttp2 }),
      nodeFolder(
        `${name}, rangeStatic of a function`,
        rangeStatic<NodeResponse>(find, storeOptions),
        {
          http2: isHttp2,
        },
      ),
    ]
  }),

  ...Object.keys(sources).map((source) =>
    smallServer(
      `sendRange, ${source}`,
      async (context) => {
        const servable = await sources[source]!()
        const { finished } = await sendRange(context, servable, metadata)
        if (isClosable(servable)) void finished.then(() => servable.close())
      },
      { ascending: isOnePass(source) },
    ),
  ),
  smallServer('filter, a Buffer', (context) => {
    for (const [field, value] of describing) context.fields.set(field.toLowerCase(), value)
    context.body = bytes
  }),

  ...expresses.flatMap(([framework, create]) => [
    ...Object.keys(sources).map((source) =>
      expressServer(
        `${framework}, sendRange, ${source}`,
        create,
        (_request, response) =>
          void withSource(sources[source]!, (servable) => response.sendRange(servable, metadata)),
        { ascending: isOnePass(source) },
      ),
    ),
    ...Object.entries(expressFilters).map(([name, send]) =>
      expressServer(`${framework}, filter, ${name}`, create, describeThen(send), {
        ascending: !isSeekable(name),
      }),
    ),
    expressServer(
      `${framework} on createServer, sendRange, a path`,
      create,
      (_request, response) => void response.sendRange(filePath, metadata),
      { createServer: forExpress.createServer },
    ),
    expressServer(
      `${framework} on createServer, filter, pipe with a length`,
      create,
      describeThen(expressFilters['pipe with a length']!),
      { createServer: forExpress.createServer, ascending: true },
    ),
    expressServer(
      `${framework}, rangeStatic`,
      create,
      forExpress.rangeStatic(folder, { ...folderOptions, index: fileName }),
      { otherwise: folderOtherwise },
    ),
    expressServer(
      `${framework}, rangeStatic of a function`,
      create,
      forExpress.rangeStatic(find, storeOptions),
      { otherwise: folderOtherwise },
    ),
  ]),

  expressOverHttp,
  koaServer('Koa 3, sendRange, fromS3', Koa3, async (ctx) => {
    await ctx.sendRange(fromS3({ client: store, Bucket: 'media', Key: 'clip' }), metadata)
  }),

  ...koas.flatMap(([framework, Koa, version]) => [
    ...koaServers(framework, Koa, version, {}),
    ...koaServers(`${framework} on node:http2`, Koa, version, {
      http2: true,
      otherwise: version === 2 ? koa2Http2 : {},
    }),
  ]),

  ...fetchServers(),
  ...frameworkServers(filePath, joined),
]
