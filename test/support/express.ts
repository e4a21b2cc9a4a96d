// Applications of each major of Express, one at a time: its server is closed after the test.

import http from 'node:http'
import express5, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { afterEach } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { listen, type Running } from './listen.ts'

export let running: Running

afterEach(() => running.close())

/** Runs the server of a test, and returns its port. */
export async function run(server: http.Server): Promise<number> {
  running = await listen(server)
  return running.port
}

const helpersOf = (express: typeof express5) => {
  async function start(set: (app: Express) => void): Promise<number> {
    const app = express()
    app.set('env', 'production')
    set(app)
    const fail: ErrorRequestHandler = (error, _request, response, next) =>
      response.headersSent ? next(error) : void response.status(error.status ?? 500).end('failed')
    app.use(fail)
    return run(http.createServer(app))
  }
  const withFilter = (...handlers: RequestHandler[]) =>
    start((app) => app.use(rangeServe(), ...handlers))
  return { express, start, withFilter }
}

export const expresses = [
  ['Express 5', helpersOf(express5)],
  ['Express 4', helpersOf(express4)],
] as const
