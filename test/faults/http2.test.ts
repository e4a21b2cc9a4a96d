// HTTP/2 clients that do not read: how much a stream with a closed window may hold.

import { once } from 'node:events'
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { fromReader, respond, serve, type Source } from '@range-serve/core'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/fixture.ts'

const streams = 60
const length = 8_000_000
const KiB = 1024

let read = 0
let closed = 0
const cleanUp: (() => void)[] = []
afterEach(() => {
  read = 0
  closed = 0
  for (const each of cleanUp.splice(0).toReversed()) each()
})

/** Yields chunks of one size, and counts how much is read. */
function counted(size: number): Source {
  return fromReader({
    length,
    async *read({ firstPos, lastPos }) {
      for (let at = firstPos; at <= lastPos; at += size) {
        read += size
        yield Buffer.alloc(size)
      }
    },
    close: () => void closed++,
  })
}

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => Promise<unknown>

const ways: [name: string, handler: Handler][] = [
  ['serve', (request, response) => serve(request, response, counted(64 * KiB))],
  [
    'respond',
    async (request, response) => {
      const { status, headers, body } = await respond(request, counted(64 * KiB))
      response.writeHead(status, headers as Record<string, string>)
      if (!(body instanceof Readable)) return response.end(body ?? '')
      response.on('close', () => body.destroy())
      return body.pipe(response)
    },
  ],
]

const ranges = [undefined, 'bytes=1000-', 'bytes=0-2999999,4000000-6999999', 'bytes=-3000000,0-9']

describe.each(ways)('%s over HTTP/2, to a client that does not read', (_name, handler) => {
  it.each(ranges)('holds one piece of 64 KiB for each stream: %s', async (range) => {
    const server = http2.createServer((request, response) => {
      handler(request, response).catch(() => response.stream.destroy())
    })
    server.on('sessionError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const session = http2.connect(`http://127.0.0.1:${port}`, {
      settings: { initialWindowSize: 0 },
    })
    session.on('error', () => {})
    cleanUp.push(() => {
      session.destroy()
      server.close()
    })
    await once(session, 'remoteSettings')
    let begun = 0
    for (let i = 0; i < streams; i++) {
      const stream = session.request({ ':path': '/', ...(range && { range }) })
      stream.on('error', () => {}).on('response', () => begun++)
    }
    await until('all responses have begun', () => begun === streams)
    await new Promise((resolve) => setTimeout(resolve, 100))
    // One piece is in the session, and one more may have been read ahead.
    expect(read / streams).toBeLessThanOrEqual(2 * 64 * KiB)
    session.destroy()
    await until('all sources are closed', () => closed === streams)
  })
})
