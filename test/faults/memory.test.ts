// Memory is reused only if nothing but Node's own code and the kernel can read it: any other code
// that sees the bytes of a response may keep them.

import http, { OutgoingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { serve, type Source } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import {
  sizes,
  pathOf,
  listen,
  contentOf,
  get,
  cleanUp,
  isMine,
  keepWrites,
} from '../support/kept.ts'
import { bytes, filePath, folder as files, modified, range, size } from '../support/files.ts'
import { writeOldFile } from '../support/fixture.ts'
import type { Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'
import { startExpress5 } from '../support/express-apps.ts'
import { startKoa3 } from '../support/koa-apps.ts'

/** Keeps what is written for `/mine`, by reference, as a cache or a recorder does. */
type Keeper = (server: http.Server, keep: (chunk: unknown) => void) => void

const keepers: [name: string, keeper: Keeper][] = [
  [
    'a response whose write and end are patched',
    (server, keep) =>
      server.prependListener('request', (request, response) => {
        if (isMine(request)) keepWrites(response, keep)
      }),
  ],
  [
    'a response of which only end is patched',
    (server, keep) =>
      server.prependListener('request', (request, response) => {
        if (!isMine(request)) return
        const { end } = response
        response.end = ((chunk: Uint8Array) => {
          keep(chunk)
          return end.call(response, chunk, 'latin1')
        }) as typeof end
      }),
  ],
  ['a patched prototype', (_server, keep) => keepWrites(OutgoingMessage.prototype, keep)],
  [
    'a socket whose write is patched',
    (server, keep) =>
      server.on('connection', (socket) => {
        const { write } = socket
        socket.write = ((chunk: unknown, ...rest: never[]) => {
          keep(chunk)
          return write.call(socket, chunk as Uint8Array, ...rest)
        }) as typeof write
      }),
  ],
]

describe.each(keepers)('the bytes kept of %s', (_name, keeper) => {
  it.each(sizes)('are never overwritten by a later response: %i bytes', async (size) => {
    const kept: Uint8Array[] = []
    const server = http.createServer((request, response) => {
      const [, name = ''] = request.url!.split('/')
      void serve(request, response, pathOf(name, size))
    })
    keeper(server, (chunk) => {
      if (chunk instanceof Uint8Array) kept.push(chunk)
    })
    const port = await listen(server)
    const mine = contentOf('mine', size)
    expect((await get(port, '/mine')).equals(mine)).toBe(true)
    const wasKept = kept.splice(0)
    for (let i = 0; i < 4; i++) await get(port, '/other')
    const bytes = Buffer.concat(wasKept)
    // The head may come first, and only the end may be kept.
    const tail = bytes.subarray(Math.max(0, bytes.length - size))
    expect(tail.length).toBeGreaterThan(0)
    expect(tail.equals(mine.subarray(size - tail.length))).toBe(true)
  })
})

describe('a socket that is patched while bytes wait', () => {
  it('may keep them: their memory is not filled again', async () => {
    const size = 3_000_000
    const kept: [chunk: Buffer, then: Buffer][] = []
    const server = http.createServer((request, response) => {
      const socket = response.socket as unknown as {
        _writev(...args: unknown[]): unknown
      }
      const { _writev: writeMany } = socket
      const { writeHead } = response
      response.writeHead = ((status: number) => {
        // After the first piece was written, and before the socket is uncorked.
        process.nextTick(() => {
          socket._writev = (...args) => {
            for (const { chunk } of args[0] as { chunk: Buffer | string }[]) {
              if (typeof chunk !== 'string') kept.push([chunk, Buffer.from(chunk)])
            }
            return writeMany.apply(socket, args)
          }
        })
        return writeHead.call(response, status)
      }) as typeof writeHead
      void serve(request, response, pathOf('mine', size))
    })
    const port = await listen(server)
    expect((await get(port, '/mine')).equals(contentOf('mine', size))).toBe(true)
    // At least the first piece, which leaves with the head; Node 24 writes the others one by one.
    expect(kept.length).toBeGreaterThan(0)
    for (const [chunk, then] of kept) expect(chunk.equals(then)).toBe(true)
  })
})

describe('a connection that acknowledges bytes before it has passed them on', () => {
  it.each(sizes)('gets the bytes of its own response: %i bytes', async (size) => {
    const server = http.createServer((request, response) => {
      void serve(request, response, pathOf('mine', size))
    })
    cleanUp.push(() => server.close())
    const kept: Uint8Array[] = []
    const ended = new Promise<void>((resolve) => {
      const connection = new Duplex({
        read() {},
        write(chunk: Uint8Array, _encoding, done) {
          kept.push(chunk)
          done()
        },
        final(done) {
          done()
          resolve()
        },
      })
      server.emit('connection', connection)
      connection.push('GET /mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    })
    await ended
    // A real client of another response, which must not share memory with the first.
    const other = http.createServer((request, response) => {
      void serve(request, response, pathOf('other', size))
    })
    const port = await listen(other)
    for (let i = 0; i < 4; i++) await get(port, '/other')
    const bytes = Buffer.concat(kept)
    expect(bytes.subarray(bytes.length - size).equals(contentOf('mine', size))).toBe(true)
  })
})

describe('memory that is reused', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  it('is not released in Koa while a read is still in flight', async () => {
    const other = path.join(files, 'other.bin')
    writeOldFile(other, Buffer.alloc(4000, 'o'), modified)
    let release = () => {}
    const late: Source & { readInto: unknown } = {
      length: size,
      read: async () => bytes,
      readInto(
        target: Uint8Array,
        length: number,
        _position: number,
        done: (error: null, count: number) => void,
      ) {
        release = () => {
          target.fill(0x73, 0, length)
          done(null, length)
        }
      },
    }
    running = await startKoa3(forKoa.rangeServe(), async (ctx) => {
      if (ctx.path === '/fast') return void (await ctx.sendRange(other))
      void ctx.sendRange(late).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 20))
      ctx.status = 503
    })
    const timedOut = await ask(running.port, { path: '/slow', ...range('0-3999') })
    expect(timedOut.status).toBe(503)
    // The late read completes into its memory, which may belong to another response by then.
    const fast = ask(running.port, { path: '/fast', ...range('0-3998') })
    release()
    expect((await fast).content.equals(Buffer.alloc(3999, 'o'))).toBe(true)
  })

  it('is not reused if only end is patched', async () => {
    const kept: Buffer[] = []
    running = await startExpress5(
      rangeServe(),
      (_request, response, next) => {
        const end = response.end.bind(response) as (chunk?: Buffer) => typeof response
        response.end = ((chunk?: Buffer) => {
          if (chunk) kept.push(chunk)
          return end(chunk)
        }) as typeof response.end
        next()
      },
      (_request, response) => void response.sendRange(filePath),
    )
    await ask(running.port, range('0-99'))
    await ask(running.port, range('1000-1099'))
    expect(kept[0]!.equals(bytes.subarray(0, 100))).toBe(true)
  })

  it('is not reused if the response below Koa is patched', async () => {
    const kept: Buffer[] = []
    running = await startKoa3(forKoa.rangeServe(), (ctx) => {
      const { res } = ctx
      const end = res.end.bind(res) as (chunk?: Buffer) => typeof res
      res.end = ((chunk?: Buffer) => {
        if (chunk) kept.push(chunk)
        return end(chunk)
      }) as typeof res.end
      return ctx.sendRange(filePath)
    })
    await ask(running.port, range('0-99'))
    await ask(running.port, range('1000-1099'))
    expect(kept[0]!.equals(bytes.subarray(0, 100))).toBe(true)
  })
})
