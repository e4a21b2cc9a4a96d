// One source behind each adapter, for tests that must hold for all of them.

import http from 'node:http'
import http2 from 'node:http2'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { type SendOptions, type Servable, serve, type Transfer } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { listen, type Running } from './listen.ts'

export interface Sent extends Running {
  /** The transfers of the responses so far. */
  readonly transfers: Transfer[]
  /** The errors that the framework's error handling got. */
  readonly errors: unknown[]
}

/** Returns what to send for a request, or a promise of it; it may throw, as a handler may. */
type Make = () => Servable
type Start = (make: Make, options?: SendOptions) => Promise<Sent>

function nodeHandler(make: Make, options: SendOptions, sent: Omit<Sent, keyof Running>) {
  return async (
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ) => {
    try {
      sent.transfers.push(await serve(request, response, make(), options))
    } catch (error) {
      sent.errors.push(error)
      response.statusCode = (error as { status?: number }).status ?? 500
      response.end()
    }
  }
}

const startNode: Start = async (make, options = {}) => {
  const sent = { transfers: [], errors: [] }
  const handler = nodeHandler(make, options, sent)
  return { ...sent, ...(await listen(http.createServer((...args) => void handler(...args)))) }
}

const startHttp2: Start = async (make, options = {}) => {
  const sent = { transfers: [], errors: [] }
  const handler = nodeHandler(make, options, sent)
  return { ...sent, ...(await listen(http2.createServer((...args) => void handler(...args)))) }
}

const startExpress =
  (express: typeof express5): Start =>
  async (make, options = {}) => {
    const transfers: Transfer[] = []
    const errors: unknown[] = []
    const app = express()
    app.use(forExpress.rangeServe())
    app.use((_request, response, next) => {
      Promise.resolve()
        .then(() => response.sendRange(make(), options))
        .then((transfer) => transfers.push(transfer))
        // oxlint-disable-next-line promise/no-callback-in-promise -- `next` takes the error
        .catch(next)
    })
    app.use(((error, _request, response, _next) => {
      errors.push(error)
      response.status(error.status ?? 500).end()
    }) satisfies express5.ErrorRequestHandler)
    return { transfers, errors, ...(await listen(http.createServer(app))) }
  }

const startKoa =
  (Koa: typeof Koa3): Start =>
  async (make, options = {}) => {
    const transfers: Transfer[] = []
    const errors: unknown[] = []
    const app = new Koa()
    app.on('error', (error) => errors.push(error))
    app.use(forKoa.rangeServe())
    app.use(async (ctx) => {
      const { finished } = await ctx.sendRange(make(), options)
      void finished.then((transfer) => transfers.push(transfer))
    })
    const respond = app.callback()
    const server = http.createServer((request, response) => void respond(request, response))
    return { transfers, errors, ...(await listen(server)) }
  }

/** Those that speak HTTP/1.1. */
export const frameworks: readonly [name: string, start: Start][] = [
  ['node:http', startNode],
  ['Express 5', startExpress(express5)],
  ['Express 4', startExpress(express4)],
  ['Koa 3', startKoa(Koa3)],
  ['Koa 2', startKoa(Koa2)],
]

/** One of each kind, for tests that take long. */
export const newest = frameworks.filter(([name]) => !/Express 4|Koa 2/.test(name))

/** A folder behind each kind. */
export const folders: readonly [name: string, start: (folder: string) => Promise<Running>][] = [
  [
    'node:http',
    (root) => {
      const handler: http.RequestListener = (request, response) => {
        serve(request, response, request.url!.slice(1), { root }).catch((error) => {
          response.statusCode = error.status ?? 500
          response.end()
        })
      }
      return listen(http.createServer(handler))
    },
  ],
  ['Express 5', (root) => listen(http.createServer(express5().use(forExpress.rangeStatic(root))))],
  [
    'Koa 3',
    (root) => {
      const respond = new Koa3().use(forKoa.rangeStatic(root)).callback()
      return listen(http.createServer((request, response) => void respond(request, response)))
    },
  ],
]

/** All of them. */
export const protocols: readonly [name: string, start: Start][] = [
  ...frameworks,
  ['HTTP/2', startHttp2],
]

export { startHttp2 }
