// Applications of Express with a page for errors. Their servers are closed after the test.

import http from 'node:http'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { afterEach } from 'vitest'
import { listen, type Running } from './listen.ts'

export const page = '#'.repeat(60)

export const opened: Running[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

/** Starts an application, with an error page that is longer than most of what is sent here. */
export async function start(...uses: RequestHandler[]): Promise<number> {
  const app = express().set('env', 'production').disable('x-powered-by')
  app.get('/next', (_request, response) => void response.end('next'))
  for (const use of uses) app.use(use)
  const fail: ErrorRequestHandler = (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    response.statusCode = 500
    response.statusMessage = ''
    response.end(page)
  }
  app.use(fail)
  const running = await listen(http.createServer(app))
  opened.push(running)
  return running.port
}
