// HTTP/2 with exactly the given field lines: Node's own client refuses to send some of them twice.
// Its header blocks are replaced on the way out by literals that need no table.

import http2 from 'node:http2'
import net from 'node:net'
import { Duplex } from 'node:stream'
import type { RawRequest, RawResponse } from './raw.ts'

/** Sends requests on one connection, all at once, and returns their responses. */
export async function exchangeHttp2(
  port: number,
  requests: readonly RawRequest[],
): Promise<RawResponse[]> {
  const blocks = requests.map((request) => formatBlock(port, request))
  const createConnection = () => new Rewriting(net.connect(port, '127.0.0.1'), blocks)
  const session = http2.connect(`http://127.0.0.1:${port}`, { createConnection })
  // A stream that fails reports that too.
  session.on('error', () => {})
  try {
    const asked = requests.map(({ method = 'GET' }) => session.request({ ':method': method }))
    return await Promise.all(asked.map((stream) => response(stream)))
  } finally {
    session.destroy()
  }
}

async function response(stream: http2.ClientHttp2Stream): Promise<RawResponse> {
  stream.setTimeout(5000, () => stream.destroy(new Error('No response within 5 s')))
  const fields = new Map<string, string[]>()
  let status = 0
  stream.on('response', (headers, _flags, ...rest: unknown[]) => {
    status = Number(headers[':status'])
    const lines = rest[0] as string[]
    for (let i = 0; i < lines.length; i += 2) {
      const [name, value] = [lines[i]!, lines[i + 1]!]
      if (name.startsWith(':')) continue
      fields.set(name, [...(fields.get(name) ?? []), value])
    }
  })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { status, fields, content: Buffer.concat(chunks) }
}

/** A header block of literals that are never indexed (RFC 7541 §6.2.3). */
function formatBlock(
  port: number,
  { method = 'GET', path = '/', headers = [] }: RawRequest,
): Buffer {
  const lines = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', `127.0.0.1:${port}`],
    [':path', path],
    ...headers.map(([name, value]) => [name.toLowerCase(), value]),
  ]
  return Buffer.concat(
    lines.flatMap(([name, value]) => [Buffer.of(0x10), formatText(name!), formatText(value!)]),
  )
}

/** A string literal without Huffman coding (RFC 7541 §5.2). */
function formatText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const length: number[] = []
  let rest = bytes.length
  if (rest < 0x7f) {
    length.push(rest)
  } else {
    length.push(0x7f)
    for (rest -= 0x7f; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

const prefaceLength = 24
const frameHeadLength = 9
const headersFrame = 1

/** A connection whose requests go out with other header blocks than were written. */
class Rewriting extends Duplex {
  readonly #socket: net.Socket
  readonly #blocks: Buffer[]
  #written = Buffer.alloc(0)
  #hasPreface = false

  constructor(socket: net.Socket, blocks: readonly Buffer[]) {
    super()
    this.#socket = socket
    this.#blocks = [...blocks]
    socket.on('data', (chunk) => this.push(chunk) || socket.pause())
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.#written = Buffer.concat([this.#written, chunk])
    if (!this.#hasPreface && this.#written.length >= prefaceLength) {
      this.#hasPreface = true
      this.#socket.write(this.#take(prefaceLength))
    }
    while (this.#hasPreface && this.#written.length >= frameHeadLength) {
      const length = this.#written.readUIntBE(0, 3)
      if (this.#written.length < frameHeadLength + length) break
      const frame = this.#take(frameHeadLength + length)
      this.#socket.write(frame[3] === headersFrame ? this.#rewrite(frame) : frame)
    }
    callback()
  }

  override _final(callback: () => void): void {
    this.#socket.end()
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy()
    callback(error)
  }

  #take(length: number): Buffer {
    const taken = this.#written.subarray(0, length)
    this.#written = this.#written.subarray(length)
    return taken
  }

  /** The same frame with the next block: END_STREAM and END_HEADERS, and neither padding nor priority. */
  #rewrite(frame: Buffer): Buffer {
    const block = this.#blocks.shift()!
    const head = Buffer.from(frame.subarray(0, frameHeadLength))
    head.writeUIntBE(block.length, 0, 3)
    head[4] = 0x05
    return Buffer.concat([head, block])
  }
}
