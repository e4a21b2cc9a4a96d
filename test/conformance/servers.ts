// Every way to serve the representation: adapter × source × verb, filter or folder.

import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { type NodeResponse, rangeStatic, type SendOptions, serve } from '@range-serve/core'
import { listen } from '../support/listen.ts'
import { nameOf, type Runtime, runWith } from '../support/runtimes.ts'
import { expressServers } from './express.ts'
import { handlers } from './fetch-handlers.ts'
import { frameworkServers } from './framework-servers.ts'
import { koaServers } from './koa.ts'
import { folderOtherwise, listenTo, type NodeRequest, type TestServer } from './server.ts'
import { filter, sendRange } from './small-adapter.ts'
import { type Context, createServer } from './small-framework.ts'
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
  sources,
  storeOptions,
  withSource,
} from './sources.ts'

function nodeServer(
  name: string,
  handler: (request: NodeRequest, response: NodeResponse) => unknown,
  more: Partial<TestServer>,
): TestServer {
  return {
    name: `${more.http2 === true ? 'node:http2' : 'node:http'}, ${name}`,
    ascending: false,
    otherwise: {},
    ...more,
    start: () =>
      listenTo(more, (request, response) => {
        for (const [field, value] of fields) response.setHeader(field, value)
        void handler(request, response)
      }),
  }
}

const sendSource =
  (source: string, options?: SendOptions) =>
  (request: NodeRequest, response: NodeResponse): Promise<unknown> =>
    withSource(sources[source]!, (servable) =>
      serve(request, response, servable, { ...metadata, ...options }),
    ).catch((error: Error) => response.destroy(error))

const nodeServers: TestServer[] = [
  nodeServer('serve, a path read asynchronously', sendSource('a path', { reads: 'async' }), {}),
  ...[false, true].flatMap((isHttp2) =>
    Object.keys(sources).map((source) =>
      nodeServer(`serve, ${source}`, sendSource(source), {
        ascending: isOnePass(source),
        http2: isHttp2,
      }),
    ),
  ),
  ...[false, true].flatMap((isHttp2) => {
    const more = { http2: isHttp2, otherwise: folderOtherwise }
    const ofFolder = rangeStatic<NodeResponse>(folder, { ...folderOptions, index: fileName })
    const ofStore = rangeStatic<NodeResponse>(find, storeOptions)
    return [
      nodeServer('rangeStatic', ofFolder, more),
      nodeServer('rangeStatic of a function', ofStore, more),
    ]
  }),
]

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
  ...nodeServers,
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

  ...expressServers,
  ...koaServers,
  ...fetchServers(),
  ...frameworkServers(filePath, joined),
]
