// Buffers that a source fills again, and chunks that are read more than once.

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { Duplex, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { fromReader, respond, serve, type Source } from '@range-serve/core'
import { contentOf, keepWrites, listen, get, cleanUp, pathOf } from '../support/kept.ts'

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
    if (!(body instanceof Readable)) throw new Error('The body is not a Readable')
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
