// Applications of each major of Koa, for tests with other middleware.

import http from 'node:http'
import type { RequestHandler } from 'express'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import type { Apps, StartApp } from './apps.ts'
import { listen } from './listen.ts'

/** An application, and the errors that it emits. */
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

export const startKoa3 = startKoa(Koa3)

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
