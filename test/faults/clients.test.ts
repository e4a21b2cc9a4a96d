// Clients that disconnect, at every stage: nothing is kept for them.

import fs from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { fromReader, fromStream, type Servable, serve, type Transfer } from '@range-serve/core'
import * as forKoa from '@range-serve/koa'
import { download, leave, begin } from '../support/clients.ts'
import { largeFile } from '../support/large-file.ts'
import { bytes, modified, size, filePath } from '../support/files.ts'
import { openDescriptors, temporaryFolder, until, writeOldFile } from '../support/fixture.ts'
import { protocols, type Sent, frameworks } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'
import { startKoa3 } from '../support/koa-apps.ts'

const folder = temporaryFolder()
/** More than the kernel buffers for a client that does not read. */
const large = 16 * 1024 * 1024

describe.each(protocols)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  const file = path.join(folder, name.replaceAll('/', ' '))
  writeOldFile(file, Buffer.alloc(large, bytes), modified)
  const streams: Readable[] = []
  const opened = (stream: Readable) => (streams.push(stream), stream)

  const sources: [what: string, make: () => Servable][] = [
    ['a file', () => file],
    ['a stream that passes once', () => fromStream(opened(fs.createReadStream(file)), { length: large })], // prettier-ignore
    ['streams of ranges', () => fromStream(({ firstPos, lastPos }) => opened(fs.createReadStream(file, { start: firstPos, end: lastPos })), { length: large })], // prettier-ignore
  ]
  const ranges = ['', 'bytes=1000-', 'bytes=0-7999999,8005000-']
  const headersOf = (Range: string) => (Range ? { Range } : {})

  async function expectNothingLeft(responses: number): Promise<void> {
    await until('all transfers end', () => running.transfers.length === responses)
    await until(
      'all streams are destroyed',
      () => streams.every(({ destroyed }) => destroyed),
      1000,
    )
    await until('the file is closed', () => openDescriptors(file) === 0, 2000)
    expect(running.errors).toEqual([])
    streams.length = 0
  }

  it.each(sources)(
    'a client that leaves before the headers leaves nothing open: %s',
    async (_what, make) => {
      const waiting: (() => void)[] = []
      running = await start(async () => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return make()
      })
      const clients = ranges.map((range) => begin(running.server, running.port, headersOf(range)))
      await until('all are requested', () => waiting.length === ranges.length)
      for (const client of clients) client.leave()
      await Promise.all(clients.map(({ rest }) => rest()))
      for (const proceed of waiting) proceed()
      await expectNothingLeft(ranges.length)
      for (const transfer of running.transfers) expect(transfer).toMatchObject({ aborted: true })
    },
  )

  it.each(sources)('a client that leaves half-way leaves nothing open: %s', async (_what, make) => {
    running = await start(make)
    const clients = ranges.map((range) => begin(running.server, running.port, headersOf(range)))
    await Promise.all(clients.map(({ head }) => head))
    for (const client of clients) client.leave()
    await expectNothingLeft(ranges.length)
    for (const transfer of running.transfers) {
      expect(transfer).toMatchObject({ aborted: true, error: undefined })
    }
  })

  it.each(sources)(
    'a client that leaves with the last byte leaves nothing open: %s',
    async (_what, make) => {
      running = await start(make)
      const clients = ranges.map((range) => begin(running.server, running.port, headersOf(range)))
      // Whether it disconnected before the response was over is a matter of luck: both are its end.
      await Promise.all(clients.map(({ leaveAtEnd }) => leaveAtEnd()))
      await expectNothingLeft(ranges.length)
    },
  )

  it('a client that leaves while bytes are skipped leaves nothing open', async () => {
    let given = 0
    running = await start(
      () => {
        const stream = new Readable({
          read() {
            given += size
            setImmediate(() => this.push(bytes))
          },
        })
        return fromStream(opened(stream), { length: Number.MAX_SAFE_INTEGER })
      },
      { maxSkip: Infinity },
    )
    const client = begin(running.server, running.port, { Range: 'bytes=-1000' })
    await until('it is read past', () => given > 0)
    client.leave()
    await expectNothingLeft(1)
    expect(running.transfers).toMatchObject([{ aborted: true, bytesSent: 0 }])
  })
})

describe('clients that disconnect', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  it.each(frameworks)('end all their pipelined responses by %s', async (_name, start) => {
    const sent = await start(() => filePath)
    running = sent
    const socket = net.connect(sent.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(16))
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await until('all are over', () => sent.transfers.length === 16)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('end their pipelined responses even if the requests were consumed', async () => {
    const transfers: Transfer[] = []
    running = await listen(
      http.createServer((request, response) => {
        request.resume()
        request.once('end', () => {
          void serve(request, response, filePath).then((transfer) => transfers.push(transfer))
        })
      }),
    )
    const socket = net.connect(running.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(16))
    await new Promise((resolve) => socket.once('data', resolve))
    await until('the file is open', () => openDescriptors(filePath) > 0)
    socket.destroy()
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    expect(transfers.length).toBeGreaterThan(0)
  })

  it('end an HTTP/2 response by a reset without an error', async () => {
    let transfer: Transfer | undefined
    running = await listen(
      http2.createServer((request, response) => {
        void serve(request, response, filePath).then((ended) => (transfer = ended))
      }),
    )
    const session = http2.connect(`http://127.0.0.1:${running.port}`)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await new Promise((resolve) => stream.once('response', resolve))
    stream.close(http2.constants.NGHTTP2_NO_ERROR)
    await until('it is over', () => transfer !== undefined)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    session.destroy()
    expect(transfer).toMatchObject({ aborted: true })
  })

  it('are reported in Koa even if they disconnect before the response is decided', async () => {
    let transfer: Transfer | undefined
    running = await startKoa3(forKoa.rangeServe(), async (ctx) => {
      ctx.req.socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 20))
      const { finished } = await ctx.sendRange(filePath)
      transfer = await finished
    })
    await ask(running.port, {}).catch(() => {})
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: true })
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  it('closes the file when the client disconnects', async () => {
    const filePath = largeFile(`left-${name}`)
    running = await start(() => filePath)
    await leave(running.port)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
    await until('the transfer ends', () => running.transfers.length === 1)
    expect(running.transfers[0]).toMatchObject({ status: 200, aborted: true })
  })

  it('keeps a FileHandle open when the client disconnects', async () => {
    const handle = await open(largeFile(`handle-${name}`))
    try {
      running = await start(() => handle)
      await leave(running.port)
      await until('the transfer ends', () => running.transfers.length === 1)
      expect((await handle.read(Buffer.alloc(4), 0, 4, 1)).buffer).toEqual(
        Buffer.from([1, 2, 3, 4]),
      )
    } finally {
      await handle.close()
    }
  })

  it('aborts a source and destroys its stream when the client disconnects', async () => {
    const signals: AbortSignal[] = []
    const streams: Readable[] = []
    running = await start(() =>
      fromReader({
        length: size * 100,
        read: async (_range, { signal }) => {
          const stream = new Readable({ read() {} })
          stream.push(bytes)
          signals.push(signal)
          streams.push(stream)
          return stream
        },
      }),
    )
    await leave(running.port)
    await until('the signal aborts', () => signals[0]?.aborted === true, 1000)
    await until('the stream is destroyed', () => streams[0]?.destroyed === true, 1000)
  })

  it('destroys a one-pass stream after the last requested byte', async () => {
    const filePath = largeFile(`one-pass-${name}`)
    let stream: fs.ReadStream | undefined
    running = await start(() => {
      stream = fs.createReadStream(filePath)
      return fromStream(stream, { length: size })
    })
    const { content } = await download(running.port, { Range: 'bytes=100000-100009' })
    expect(content.equals(bytes.subarray(100_000, 100_010))).toBe(true)
    await until('the stream is destroyed', () => stream?.destroyed === true, 1000)
    await until('its file is closed', () => openDescriptors(filePath) === 0, 1000)
    expect(stream!.bytesRead).toBeLessThan(size / 4)
  })
})
