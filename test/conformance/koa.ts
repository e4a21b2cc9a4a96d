// The table's servers of Koa: sendRange of each source, the filter on each kind of body, folders.

import fs from 'node:fs'
import { Readable } from 'node:stream'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { fromS3 } from '@range-serve/s3'
import * as forKoa from '@range-serve/koa'
import { toHead } from './requirements.ts'
import { folderOtherwise, listenTo, type TestServer, toOthers } from './server.ts'
import {
  bytes,
  describing,
  fields,
  fileName,
  filePath,
  find,
  folder,
  folderOptions,
  isClosable,
  isOnePass,
  metadata,
  slowly,
  sources,
  storeOptions,
} from './sources.ts'

const koa2Http2 = toHead('Koa 2 does not respond to HEAD over HTTP/2, with or without range-serve')
const koa3Http2 = toHead('Koa 3 destroys the stream for HEAD over HTTP/2 before its length is read')

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
      return listenTo(
        more,
        (request, response) => void respond(request as never, response as never),
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

const koas: [string, typeof Koa3, 2 | 3][] = [
  ['Koa 3', Koa3, 3],
  ['Koa 2', Koa2, 2],
]
const viewOtherwise = toOthers(
  'Koa sends bytes other than a Buffer as JSON if the filter leaves the method alone',
)

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

function serversOf(
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

export const koaServers: readonly TestServer[] = [
  koaServer('Koa 3, sendRange, fromS3', Koa3, async (ctx) => {
    await ctx.sendRange(fromS3({ client: store, Bucket: 'media', Key: 'clip' }), metadata)
  }),

  ...koas.flatMap(([framework, Koa, version]) => [
    ...serversOf(framework, Koa, version, {}),
    ...serversOf(`${framework} on node:http2`, Koa, version, {
      http2: true,
      otherwise: version === 2 ? koa2Http2 : {},
    }),
  ]),
]
