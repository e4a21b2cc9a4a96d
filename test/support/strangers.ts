// Streams of every kind that a handler may send, each with the same content.

import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { Duplex, PassThrough, Readable, Stream } from 'node:stream'
import duplexify from 'duplexify'
import * as rs2 from 'rs2'
import * as rs3 from 'rs3'
import * as rs4 from 'rs4'
import * as streamx from 'streamx'
import through2 from 'through2'
import { listen, type Running } from './listen.ts'

const pieceSize = 20_000

/** The origin of the content of the sources, and what of it is in use. */
export interface Origin {
  readonly filePath: string
  readonly content: Buffer
  /** An HTTP and a TCP server that send the content. */
  readonly http: number
  readonly tcp: number
  readonly agent: http.Agent
  /** Child processes and TCP connections that are not over. */
  readonly open: Set<unknown>
  close(): Promise<void>
}

export async function startOrigin(filePath: string): Promise<Origin> {
  const content = fs.readFileSync(filePath)
  const upstream: Running = await listen(
    http.createServer((_request, response) => {
      response.setHeader('Content-Length', content.length)
      response.end(content)
    }),
  )
  const tcp = net.createServer((socket) => socket.on('error', () => {}).end(content))
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const agent = new http.Agent({ keepAlive: true, maxSockets: 5 })
  return {
    filePath,
    content,
    http: upstream.port,
    tcp: (tcp.address() as net.AddressInfo).port,
    agent,
    open: new Set(),
    async close() {
      agent.destroy()
      await upstream.close()
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
}

type Make = (origin: Origin) => Readable | Promise<Readable>

const file = ({ filePath }: Origin) => fs.createReadStream(filePath)

function* pieces(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += pieceSize) {
    yield content.subarray(at, at + pieceSize)
  }
}

/** The `read` of a stream of any library. */
function reader(content: Buffer) {
  const iterator = pieces(content)
  return function read(this: { push(chunk: Buffer | null): unknown }): void {
    const { value } = iterator.next()
    this.push(value ?? null)
  }
}

function ownDuplex(): Duplex {
  let next: (() => void) | undefined
  return new Duplex({
    read() {
      next?.()
      next = undefined
    },
    write(chunk, _encoding, callback) {
      if (this.push(chunk)) callback()
      else next = callback
    },
    final(callback) {
      this.push(null)
      callback()
    },
  })
}

class OwnReadable extends Readable {
  readonly #iterator: Iterator<Buffer>

  constructor(content: Buffer) {
    super()
    this.#iterator = pieces(content)
  }

  override _read(): void {
    const { value } = this.#iterator.next() as { value?: Buffer }
    this.push(value ?? null)
  }
}

/** A stream of the first kind: it has `pipe` and its events, and cannot be paused. */
function legacy(content: Buffer): Readable {
  const stream = Object.assign(new Stream(), { readable: true })
  setImmediate(() => {
    for (const piece of pieces(content)) stream.emit('data', piece)
    stream.emit('end')
    stream.emit('close')
  })
  return stream as unknown as Readable
}

function track<T extends EventEmitter>({ open }: Origin, emitter: T, event: string): T {
  open.add(emitter)
  return emitter.on(event, () => open.delete(emitter))
}

/** A class of source, by how it is made. */
export const sources: readonly (readonly [name: string, make: Make])[] = [
  ['fs.ReadStream', file],
  [
    'a response of an upstream',
    ({ http: port, agent }) =>
      new Promise((resolve) => http.get({ host: '127.0.0.1', port, agent }, resolve)),
  ],
  [
    'net.Socket',
    (origin) =>
      track(
        origin,
        net.connect(origin.tcp, '127.0.0.1').on('error', () => {}),
        'close',
      ),
  ],
  ['child stdout', (origin) => track(origin, spawn('cat', [origin.filePath]), 'exit').stdout],
  ['Readable.from', ({ content }) => Readable.from(pieces(content))],
  [
    'Readable.fromWeb',
    ({ content }) => Readable.fromWeb(new Blob([content as never]).stream() as never),
  ],
  ['PassThrough', (origin) => file(origin).pipe(new PassThrough())],
  [
    'Duplex.from',
    (origin) =>
      file(origin).pipe(
        Duplex.from(async function* (chunks: AsyncIterable<Buffer>) {
          yield* chunks
        }),
      ),
  ],
  ['a Duplex of the application', (origin) => file(origin).pipe(ownDuplex())],
  ['a Readable of the application', ({ content }) => new OwnReadable(content)],
  ['fs.ReadStream with a listener', (origin) => file(origin).on('data', () => {})],
  ['a Stream of the first kind', ({ content }) => legacy(content)],
  ['through2', (origin) => file(origin).pipe(through2())],
  ['PassThrough of readable-stream 2', (origin) => file(origin).pipe(new rs2.PassThrough())],
  ['PassThrough of readable-stream 3', (origin) => file(origin).pipe(new rs3.PassThrough())],
  ['PassThrough of readable-stream 4', (origin) => file(origin).pipe(new rs4.PassThrough())],
  ['Readable of readable-stream 3', ({ content }) => new rs3.Readable({ read: reader(content) })],
  [
    'Readable of streamx',
    ({ content }) => {
      const read = reader(content)
      return new streamx.Readable({
        read(this: Readable, done?: (error: null) => void) {
          read.call(this)
          done!(null)
        },
      } as never)
    },
  ],
  [
    'duplexify',
    (origin) => {
      const through = new PassThrough()
      return file(origin).pipe(duplexify(through, through))
    },
  ],
]
