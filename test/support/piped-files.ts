// Applications of Express that pipe a file, with and without the filter.

import fs from 'node:fs'
import http from 'node:http'
import express5, { type RequestHandler } from 'express'
import { afterEach, vi } from 'vitest'
import { rangeServe, type RangeServeOptions } from '@range-serve/express'
import { filePath } from './files.ts'
import { listen, type Running } from './listen.ts'

const running: Running[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const each of running.splice(0)) await each.close()
})

export interface Setup {
  readonly create?: typeof express5
  readonly before?: RequestHandler
  readonly after?: RequestHandler
  readonly options?: RangeServeOptions | false
}

export async function start(
  handler: RequestHandler,
  { create = express5, before, after, options = {} }: Setup = {},
): Promise<number> {
  const app = create().set('env', 'test')
  if (before) app.use(before)
  if (options !== false) app.use(rangeServe(options))
  if (after) app.use(after)
  app.use(handler)
  const server = await listen(http.createServer(app))
  running.push(server)
  return server.port
}

export const open = (options?: { start?: number; end?: number }) =>
  fs.createReadStream(filePath, options)
