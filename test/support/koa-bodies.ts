// Bodies of every class that Koa accepts, and what they hold while they are sent.

import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { Duplex, PassThrough, pipeline, Readable, Stream } from 'node:stream'
import { afterAll, beforeAll } from 'vitest'
import { pattern, temporaryFolder, writeOldFile } from './fixture.ts'
import { listen, type Running } from './listen.ts'

export const size = 200_000
export const bytes = pattern(size) as Buffer<ArrayBuffer>
const folder = temporaryFolder()
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01'))
let copies = 0

/** The file under a name of its own, so that only one test can have it open. */
function copy(): string {
  const name = path.join(folder, `${++copies}.bin`)
  fs.linkSync(filePath, name)
  return name
}

// Published without types, or with those of `node:stream`.
type Streams = typeof import('node:stream')
const readableStreams = (await Promise.all(['rs2', 'rs3', 'rs4'].map((name) => import(name)))).map(
  (module: { default: Streams }) => module.default,
)
const [rs2, rs3, rs4] = readableStreams as [Streams, Streams, Streams]

/** What a handler sees and holds while it makes bodies. */
export class Witness {
  readonly file = copy()
  /** What the callbacks of pipelines were given. */
  readonly callbacks: string[] = []
  readonly children = new Set<ChildProcess>()
  readonly sockets = new Set<net.Socket>()
  readonly done = (error?: Error | null): void => {
    this.callbacks.push((error as NodeJS.ErrnoException | undefined)?.code ?? 'done')
  }
}

interface BodyClass {
  readonly name: string
  make(witness: Witness): unknown
  /** The content, unless it is `bytes`. */
  readonly content?: Buffer
  /** Whether the length is set, since Koa does not know it. */
  readonly length?: true
  /** Whether it can be cut in each version of Koa; otherwise it is sent as Koa sends it. Default: both. */
  readonly cut?: readonly (2 | 3)[]
  /** The versions that support it. Default: both. */
  readonly versions?: readonly (2 | 3)[]
}

const json = { text: 'x'.repeat(size - 11) }
const text = 'Text of ASCII.'.repeat(14_285).padEnd(size)

/** A stream of the old kind, as those of `request` are. */
function legacy(): Stream {
  const stream = new Stream()
  Object.assign(stream, { readable: true, pause() {}, resume() {}, destroy() {} })
  setImmediate(() => {
    stream.emit('data', bytes)
    stream.emit('end')
    stream.emit('close')
  })
  return stream
}

function ownReadable(Base: typeof Readable): Readable {
  let position = 0
  return new Base({
    read() {
      this.push(position < size ? bytes.subarray(position, (position += 30_000)) : null)
    },
  })
}

let upstream: Running
let raw: net.Server
beforeAll(async () => {
  upstream = await listen(
    http.createServer((_request, response) => {
      response.setHeader('Content-Length', size)
      response.end(bytes)
    }),
  )
  raw = net.createServer((socket) => void socket.on('error', () => {}).end(bytes))
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  raw.close()
  await upstream.close()
})

export const classes: BodyClass[] = [
  { name: 'a string', make: () => text, content: Buffer.from(text) },
  { name: 'a Buffer', make: () => bytes },
  { name: 'JSON', make: () => json, content: Buffer.from(JSON.stringify(json)) },
  { name: 'a Blob', make: () => new Blob([bytes]), versions: [3] },
  { name: 'a file stream', make: ({ file }) => fs.createReadStream(file) },
  {
    name: 'a file stream with data put back',
    make: ({ file }) => {
      const stream = fs.createReadStream(file, { start: 3 })
      stream.unshift(bytes.subarray(0, 3))
      return stream
    },
    length: true,
  },
  {
    name: 'a file stream with a push of its own',
    make: ({ file }) => {
      const stream = fs.createReadStream(file)
      const { push } = stream
      stream.push = (chunk, encoding) => push.call(stream, chunk, encoding)
      return stream
    },
    length: true,
  },
  {
    name: 'a chain by pipe',
    make: ({ file }) => fs.createReadStream(file).pipe(new PassThrough()),
    length: true,
  },
  {
    name: 'a chain by pipeline',
    make: ({ file, done }) => pipeline(fs.createReadStream(file), new PassThrough(), done),
    length: true,
  },
  {
    name: 'a chain of another make',
    make: ({ file }) => fs.createReadStream(file).pipe(new rs3.PassThrough() as PassThrough),
    length: true,
  },
  { name: 'Readable.from', make: () => Readable.from([bytes]), length: true },
  { name: 'a Readable', make: () => ownReadable(Readable), length: true },
  {
    name: 'Duplex.from',
    make: () => Duplex.from(async function* () { yield bytes }), // prettier-ignore
    length: true,
  },
  {
    name: 'an IncomingMessage',
    make: ({ sockets }) =>
      new Promise((resolve) => {
        http.get({ port: upstream.port, host: '127.0.0.1', agent: false }, (response) => {
          sockets.add(response.socket)
          resolve(response)
        })
      }),
    length: true,
  },
  {
    name: 'a net.Socket',
    make: ({ sockets }) =>
      new Promise((resolve) => {
        const { port } = raw.address() as net.AddressInfo
        const socket = net.connect(port, '127.0.0.1', () => resolve(socket))
        sockets.add(socket)
      }),
    length: true,
  },
  {
    name: "a child's stdout",
    make: ({ file, children }) => {
      const child = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'ignore'] })
      children.add(child)
      return child.stdout
    },
    length: true,
  },
  { name: 'a stream of the old kind', make: legacy, length: true, cut: [] },
  {
    name: 'a web stream',
    make: () => new Blob([bytes]).stream(),
    length: true,
    versions: [3],
  },
  {
    name: "fetch's Response",
    make: () => fetch(`http://127.0.0.1:${upstream.port}`),
    length: true,
    versions: [3],
  },
  { name: 'readable-stream 2', make: () => ownReadable(rs2.Readable), length: true, cut: [] },
  { name: 'readable-stream 3', make: () => ownReadable(rs3.Readable), length: true },
  {
    name: 'readable-stream 4',
    make: () => ownReadable(rs4.Readable),
    length: true,
    versions: [3],
  },
]
