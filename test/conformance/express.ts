// The table's servers of Express: sendRange of each source, the filter on each way to respond, folders.

import fs from 'node:fs'
import http from 'node:http'
import { pipeline } from 'node:stream'
import express5, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { type Servable, serve } from '@range-serve/core'
import { fromHttp } from '@range-serve/http'
import * as forExpress from '@range-serve/express'
import { listen, type Running } from '../support/listen.ts'
import { folderOtherwise, type TestServer } from './server.ts'
import {
  bytes,
  describing,
  fields,
  fileName,
  filePath,
  find,
  folder,
  folderOptions,
  isOnePass,
  metadata,
  slowly,
  sources,
  storeOptions,
  withSource,
} from './sources.ts'

type ExpressFactory = () => Express

const setFields: RequestHandler = (_request, response, next) => {
  for (const [field, value] of fields) response.setHeader(field, value)
  next()
}

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
      const app = create().use(setFields, forExpress.rangeServe(), handler)
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
const isSeekable = (name: string) => name.startsWith('res.') || name.includes('file stream')

/** A server whose source is read from another server. */
function behindOrigin(
  name: string,
  start: (source: () => Servable) => Promise<Running>,
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

/** Express 5 over another server, whose URL is known once it listens. */
const overHttp = behindOrigin('Express 5, sendRange, fromHttp', (source) => {
  const app = express5().use(forExpress.rangeServe(), setFields)
  app.use((_request, response) => void response.sendRange(source(), metadata))
  return listen(http.createServer(app))
})

const expresses: [string, ExpressFactory][] = [
  ['Express 5', express5],
  ['Express 4', express4],
]

export const expressServers: readonly TestServer[] = [
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

  overHttp,
]
