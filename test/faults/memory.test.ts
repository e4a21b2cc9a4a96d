// Memory is reused only if nothing but Node's own code and the kernel can read it: any other code
// that sees the bytes of a response may keep them.

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage, OutgoingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Duplex, Readable } from 'node:stream'
import { fromReader, respond, serve, type Source } from '@range-serve/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const sizes = [1000, 65_536, 300_000, 3_000_000]
let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'range-serve-memory-'))
  for (const name of ['mine', 'other']) {
    for (const size of sizes) writeFileSync(pathOf(name, size), contentOf(name, size))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const each of cleanUp.splice(0).toReversed()) each()
})

const pathOf = (name: string, size: number) => path.join(folder, `${name}-${size}`)
const contentOf = (name: string, size: number) =>
  Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => (name === 'mine' ? i : 255 - i)),
  )

/** Keeps what is written for `/mine`, by reference, as a cache or a recorder does. */
type Keeper = (server: http.Server, keep: (chunk: unknown) => void) => void

const isMine = (request: IncomingMessage) => request.url!.startsWith('/mine')

function keepWrites(target: object, keep: (chunk: unknown) => void): void {
  for (const name of ['write', 'end']) {
    const original = Reflect.get(target, name) as (...args: unknown[]) => unknown
    const own = Object.hasOwn(target, name)
    Reflect.set(target, name, function (this: Partial<ServerResponse>, ...args: unknown[]) {
      if (!this.req || isMine(this.req)) keep(args[0])
      return original.apply(this, args)
    })
    cleanUp.push(() => {
      if (own) Reflect.set(target, name, original)
      else Reflect.deleteProperty(target, name)
    })
  }
}

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

async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function get(port: number, target: string, headers = {}): Promise<Buffer> {
  const request = http.get({ host: '127.0.0.1', port, path: target, headers, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return Buffer.concat(await response.toArray())
}

describe.each(keepers)('the bytes kept of %s', (_name, keeper) => {
  it.each(sizes)('are not those of another response later: %i bytes', async (size) => {
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

describe('a read that fills one buffer again and again', () => {
  const length = 2_000_000
  const content = contentOf('mine', length)
  function reusing(chunkSize: number): Source {
    return fromReader({
      length,
      async *read({ firstPos, lastPos }) {
        const buffer = Buffer.alloc(chunkSize)
        for (let at = firstPos; at <= lastPos; at += chunkSize) {
          const count = Math.min(chunkSize, lastPos + 1 - at)
          content.copy(buffer, 0, at, at + count)
          yield buffer.subarray(0, count)
        }
      },
    })
  }
  const handlers: Record<string, http.RequestListener> = {
    serve: (request, response) => void serve(request, response, reusing(4096)),
    'serve, patched': (request, response) => {
      keepWrites(response, () => {})
      void serve(request, response, reusing(70_000))
    },
    respond: (request, response) => {
      void respond(request, reusing(4096)).then(({ status, headers, body }) => {
        response.writeHead(status, headers as http.OutgoingHttpHeaders)
        if (body instanceof Readable) body.pipe(response)
        else response.end(body)
      })
    },
  }
  const ranges: [range: string, first: number, last: number][] = [
    ['bytes=0-59999', 0, 59_999],
    ['bytes=1000-', 1000, length - 1],
  ]
  for (const [name, handler] of Object.entries(handlers)) {
    it.each(ranges)(`is sent correctly by ${name}: %s`, async (range, first, last) => {
      const port = await listen(http.createServer(handler))
      const body = await get(port, '/mine', { range })
      expect(body.equals(content.subarray(first, last + 1))).toBe(true)
    })
  }

  it.each(ranges)('is sent correctly over HTTP/2: %s', async (range, first, last) => {
    const server = http2.createServer((request, response) => {
      void serve(request, response, reusing(4096))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    cleanUp.push(() => {
      session.destroy()
      server.close()
    })
    const body = Buffer.concat(await session.request({ ':path': '/', range }).toArray())
    expect(body.equals(content.subarray(first, last + 1))).toBe(true)
  })
})

describe('the body of respond', () => {
  async function bodyOf(size: number): Promise<Readable> {
    const { body } = await respond({ method: 'GET', headers: {} }, pathOf('mine', size))
    if (!(body instanceof Readable)) throw new Error('A Readable was due')
    return body
  }

  it('yields everything to each of two readers', async () => {
    const body = await bodyOf(3_000_000)
    const heard: Uint8Array[] = []
    body.on('data', (chunk: Uint8Array) => heard.push(chunk))
    const piped = Buffer.concat(
      (await body
        .pipe(
          new Duplex({
            readableObjectMode: true,
            read() {},
            write(chunk: Uint8Array, _encoding, done) {
              this.push(chunk)
              done()
            },
            final(done) {
              this.push(null)
              done()
            },
          }),
        )
        .toArray()) as Uint8Array[],
    )
    const mine = contentOf('mine', 3_000_000)
    expect(piped.equals(mine)).toBe(true)
    expect(Buffer.concat(heard).equals(mine)).toBe(true)
  })

  it('is not read while it is unpiped', async () => {
    const body = await bodyOf(3_000_000)
    const target = new net.Socket()
    body.pipe(target)
    body.unpipe(target)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(body.readableFlowing).toBe(false)
    expect(Buffer.concat(await body.toArray()).equals(contentOf('mine', 3_000_000))).toBe(true)
  })
})
