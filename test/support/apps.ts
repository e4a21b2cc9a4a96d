// Applications of each framework and major, for tests with other middleware.

import http from 'node:http'
import express5, { type ErrorRequestHandler, type RequestHandler } from 'express'
import express4 from 'express4'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { listen, type Running } from './listen.ts'

type StartApp<Use> = (...uses: Use[]) => Promise<Running>
export type Apps<Use> = readonly (readonly [name: string, start: StartApp<Use>])[]

const startExpress =
  (express: typeof express5): StartApp<RequestHandler> =>
  (...uses) => {
    const app = express()
    const fail: ErrorRequestHandler = (error, _request, response, next) =>
      response.headersSent ? next(error) : void response.status(error.status ?? 500).end('failed')
    app.set('env', 'production').use(...uses, fail)
    return listen(http.createServer(app))
  }

const startKoa =
  (Koa: typeof Koa3): StartApp<Middleware> =>
  (...uses) => {
    const app = new Koa()
    app.silent = true
    for (const use of uses) app.use(use)
    const answer = app.callback()
    return listen(http.createServer((request, response) => void answer(request, response)))
  }

export const expressApps: Apps<RequestHandler> = [
  ['Express 5', startExpress(express5)],
  ['Express 4', startExpress(express4)],
]

export const koaApps: Apps<Middleware> = [
  ['Koa 3', startKoa(Koa3)],
  ['Koa 2', startKoa(Koa2)],
]

/** Adapts middleware for `node:http` to Koa. */
export const connect =
  (handler: RequestHandler): Middleware =>
  async (ctx, next) => {
    await new Promise<void>((resolve, reject) => {
      handler(ctx.req as never, ctx.res as never, (error) =>
        error ? reject(error as Error) : resolve(),
      )
    })
    await next()
  }
