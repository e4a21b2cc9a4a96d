// Applications of each framework and major, for tests with other middleware.

import http from 'node:http'
import express5, { type ErrorRequestHandler, type RequestHandler } from 'express'
import express4 from 'express4'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { listen, type Running } from './listen.ts'

export interface App extends Running {
  /** The errors that the framework's error handling got. */
  readonly errors: unknown[]
}
type StartApp<Use> = (...uses: Use[]) => Promise<App>
/** Middleware of Express, at a path if it comes with one. */
export type ExpressUse = RequestHandler | readonly [path: string, handler: RequestHandler]
export type Apps<Use> = readonly (readonly [name: string, start: StartApp<Use>])[]

const startExpress =
  (express: typeof express5): StartApp<ExpressUse> =>
  async (...uses) => {
    const errors: unknown[] = []
    const app = express().set('env', 'production')
    for (const use of uses) {
      if (typeof use === 'function') app.use(use)
      else app.use(...use)
    }
    app.use(((error, _request, response, next) => {
      errors.push(error)
      if (response.headersSent) next(error)
      else response.status(error.status ?? 500).end('failed')
    }) satisfies ErrorRequestHandler)
    return { errors, ...(await listen(http.createServer(app))) }
  }

export function createKoa(Koa: typeof Koa3, ...uses: Middleware[]) {
  const errors: (Error & { code?: string })[] = []
  const app = new Koa()
  app.on('error', (error) => errors.push(error as Error))
  for (const use of uses) app.use(use)
  return { app, errors }
}

const startKoa =
  (Koa: typeof Koa3): StartApp<Middleware> =>
  async (...uses) => {
    const { app, errors } = createKoa(Koa, ...uses)
    const respond = app.callback()
    const server = http.createServer((request, response) => void respond(request, response))
    return { errors, ...(await listen(server)) }
  }

export const startExpress5 = startExpress(express5)
export const startKoa3 = startKoa(Koa3)

export const expressApps: Apps<ExpressUse> = [
  ['Express 5', startExpress5],
  ['Express 4', startExpress(express4)],
]

export const koaApps: Apps<Middleware> = [
  ['Koa 3', startKoa3],
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
