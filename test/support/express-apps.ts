// Applications of each major of Express, for tests with other middleware.

import http from 'node:http'
import express5, { type ErrorRequestHandler, type RequestHandler } from 'express'
import express4 from 'express4'
import type { Apps, StartApp } from './apps.ts'
import { listen } from './listen.ts'

/** Middleware of Express, at a path if it comes with one. */
export type ExpressUse = RequestHandler | readonly [path: string, handler: RequestHandler]

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

export const startExpress5 = startExpress(express5)

export const expressApps: Apps<ExpressUse> = [
  ['Express 5', startExpress5],
  ['Express 4', startExpress(express4)],
]
