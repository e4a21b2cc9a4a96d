import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import net from 'node:net'
import { Duplex, finished, PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'

import { DiscardPace, mayEndEarly } from '../filter.ts'
import { endEarly } from './early-end.ts'

const file = fileURLToPath(import.meta.url)
const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const each of cleanUp.splice(0).toReversed()) each()
})

async function serve(handler: http.RequestListener): Promise<number> {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

async function upstream(): Promise<IncomingMessage> {
  const port = await serve((_request, response) => response.write('x'.repeat(100_000)))
  const request = http.get({ host: '127.0.0.1', port, agent: false })
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

async function socket(): Promise<net.Socket> {
  const server = net.createServer((peer) => void peer.on('error', () => {}).write('x'.repeat(1000)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  cleanUp.push(() => {
    client.destroy()
    server.close()
  })
  await once(client, 'connect')
  return client
}

function output(): Readable {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => console.log("x"), 5)'])
  cleanUp.push(() => void child.kill())
  return child.stdout
}

async function* chunks(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.alloc(1000)
}

class OwnReadStream extends fs.ReadStream {
  override _read(size: number): void {
    super._read(size)
  }
}

const clean: [name: string, make: () => Readable | Promise<Readable>][] = [
  ['a fs.ReadStream', () => fs.createReadStream(file)],
  ['the output of a child process', output],
  ['an IncomingMessage', upstream],
  ['a net.Socket that nothing was written to', socket],
  ['Readable.from', () => Readable.from(chunks())],
  ['Readable.fromWeb', () => Readable.fromWeb(new Blob(['x'.repeat(1000)]).stream() as never)],
]

const uncertain: [name: string, make: () => object | Promise<object>][] = [
  ['a PassThrough', () => fs.createReadStream(file).pipe(new PassThrough())],
  ['a Duplex.from', () => Duplex.from(chunks)],
  ['a Readable of the caller', () => new Readable({ read() {} })],
  ['a subclass of fs.ReadStream that reads in its own way', () => new OwnReadStream(file as never)],
  [
    'an fs.ReadStream with its own push',
    () => {
      const stream = fs.createReadStream(file)
      stream.push = (chunk: unknown) => Readable.prototype.push.call(stream, chunk)
      return stream
    },
  ],
  [
    'a fs.ReadStream whose descriptor the caller closes',
    () => fs.createReadStream(file, { autoClose: false }),
  ],
  [
    'a net.Socket that was written to',
    async () => {
      const client = await socket()
      client.write('x')
      return client
    },
  ],
  ['a stream that is also listened to', () => fs.createReadStream(file).on('data', () => {})],
  ['a stream that is also piped elsewhere', () => tee(fs.createReadStream(file))],
  ['an iterable that is not a stream', chunks],
]

function tee(stream: Readable): Readable {
  stream.pipe(new PassThrough().resume())
  return stream
}

describe('mayEndEarly', () => {
  it.each(clean)('holds for %s', async (_name, make) => {
    const stream = await make()
    expect(mayEndEarly(stream, {})).toBe(true)
    stream.on('error', () => {}).destroy()
  })

  it.each(uncertain)('does not hold for %s', async (_name, make) => {
    const stream = (await make()) as Partial<Readable>
    expect(mayEndEarly(stream, {})).toBe(false)
    stream.on?.('error', () => {})
    stream.destroy?.()
  })
})

describe('endEarly', () => {
  it.each(clean)('ends %s without an error, and closes it', async (_name, make) => {
    const stream = await make()
    const ended = promisify(finished)(stream, { writable: false })
    const closed = once(stream, 'close')
    stream.once('data', () => endEarly(stream))
    await ended
    await closed
    expect(stream.destroyed).toBe(true)
  })

  it.each(clean)(
    'reports the end of %s that is destroyed in the same turn',
    async (_name, make) => {
      const stream = await make()
      const ended = once(stream, 'end')
      const closed = once(stream, 'close')
      endEarly(stream)
      stream.destroy()
      await ended
      await closed
    },
  )

  it('ends a stream that is read through its iterator', async () => {
    const stream = fs.createReadStream(file, { highWaterMark: 10 })
    const iterator = stream[Symbol.asyncIterator]()
    await iterator.next()
    const ended = once(stream, 'end')
    endEarly(stream)
    await ended
    await once(stream, 'close')
    expect(await iterator.next()).toMatchObject({ done: true })
  })
})

describe('DiscardPace', () => {
  it('waits for a turn once per MiB, and once per 1024 empty chunks', () => {
    const pace = new DiscardPace()
    let turns = 0
    for (let i = 0; i < 4096; i++) if (pace.count(0)) turns++
    expect(turns).toBe(4)
    expect(pace.count(1024 * 1024)).toBe(true)
  })
})
