// Applications of each major of Koa, one at a time: its server is closed after the test.

import http from 'node:http'
import type { Http2Server } from 'node:http2'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { afterEach } from 'vitest'
import { createKoa } from './koa-apps.ts'
import { listen, type Running } from './listen.ts'

export let running: Running | undefined
/** The errors that the application created last has emitted. */
export let errors: ReturnType<typeof createKoa>['errors'] = []

afterEach(async () => {
  await running?.close()
  running = undefined
})

/** Runs the server of a test, and returns its port. */
export async function run(server: http.Server | Http2Server): Promise<number> {
  running = await listen(server)
  return running.port
}

const helpersOf = (Koa: typeof Koa3) => {
  function application(...uses: Middleware[]) {
    const created = createKoa(Koa, ...uses)
    errors = created.errors
    return created.app
  }
  function start(...uses: Middleware[]): Promise<number> {
    const respond = application(...uses).callback()
    return run(http.createServer((request, response) => void respond(request, response)))
  }
  return { Koa, application, start }
}

export const koas = [
  ['Koa 3', helpersOf(Koa3)],
  ['Koa 2', helpersOf(Koa2)],
] as const
