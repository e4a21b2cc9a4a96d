// Stands between a client and a server: every byte passes unchanged, and requests and responses are
// kept. A response has a Content-Length, or ends with its connection.

import net from 'node:net'
import type { Running } from './listen.ts'

export interface Exchange {
  readonly method: string
  readonly path: string
  /** The fields of the request, by name in lower case. */
  readonly asked: ReadonlyMap<string, string>
  /** 0 until there is a response. */
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  /** The content that was passed on, and how many bytes of it. */
  readonly content: Buffer
  readonly passed: number
}

/** After how many bytes of a response's content the connection is cut. */
export type Cut = (exchange: Exchange) => number | undefined

export interface Recorder extends Omit<Running, 'server'> {
  readonly exchanges: readonly Exchange[]
  /** The most connections that were open at once. */
  readonly mostConnections: number
}

/**
 * Listens on its own port and forwards to a server on another. `cut` returns after how many bytes
 * of a response's content the connection is cut: the client sees an early end, the server a client
 * that disconnected. With `interrupted`, the client sees that end only after it has resolved.
 */
export async function record(
  port: number,
  cut: Cut = () => undefined,
  interrupted?: Promise<void>,
): Promise<Recorder> {
  const exchanges: Exchange[] = []
  const clients = new Set<net.Socket>()
  let mostConnections = 0
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1')
    const dialogue = new Dialogue(exchanges, cut)
    clients.add(client)
    mostConnections = Math.max(mostConnections, clients.size)
    client.on('data', (chunk: Buffer) => {
      dialogue.ask(chunk)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      const passed = dialogue.respond(chunk)
      if (passed < chunk.length) {
        upstream.destroy()
        client.write(chunk.subarray(0, passed))
        if (interrupted) void interrupted.then(() => client.end())
        else client.end()
      } else if (!client.write(chunk)) upstream.pause()
    })
    client.on('drain', () => upstream.resume())
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.on('close', () => {
      clients.delete(client)
      upstream.destroy()
    })
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    exchanges,
    get mostConnections() {
      return mostConnections
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const client of clients) client.destroy()
      }),
  }
}

/** Cuts the first few responses that have so much content. */
export function firstOnes(count: number, after: number): Cut {
  let left = count
  return ({ fields }) => {
    if (left === 0 || Number(fields.get('content-length')) <= after) return undefined
    left--
    return after
  }
}

/** The exchanges whose bytes are not those of the representation that they claim. */
export function misplaced(exchanges: readonly Exchange[], representation: Buffer): Exchange[] {
  return exchanges.filter(({ status, fields, content }) => {
    const length = Number(fields.get('content-length') ?? 0)
    if (content.length > length) return true
    if (status === 200) return !content.equals(representation.subarray(0, content.length))
    if (status !== 206) return content.length > 0
    const { firstPos, lastPos, completeLength } = contentRange(fields)
    if (lastPos - firstPos + 1 !== length || completeLength !== representation.length) return true
    return !content.equals(representation.subarray(firstPos, firstPos + content.length))
  })
}

/** The claim of a response's Content-Range. */
export function contentRange(fields: Exchange['fields']) {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fields.get('content-range') ?? '')
  const [firstPos = NaN, lastPos = NaN, completeLength = NaN] = match?.slice(1).map(Number) ?? []
  return { firstPos, lastPos, completeLength }
}

/** How many bytes of content were passed on. */
export function bytesPassed(exchanges: readonly Exchange[]): number {
  return exchanges.reduce((sum, { passed }) => sum + passed, 0)
}

class Recorded implements Exchange {
  readonly method: string
  readonly path: string
  readonly asked: ReadonlyMap<string, string>
  status = 0
  fields: ReadonlyMap<string, string> = new Map()
  readonly chunks: Buffer[] = []

  constructor(head: string) {
    const [line = '', ...lines] = head.split('\r\n')
    const [method = '', path = ''] = line.split(' ')
    this.method = method
    this.path = path
    this.asked = parseFields(lines)
  }

  get content(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get passed(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }
}

/** Follows one connection: requests without content, and their responses in order. */
class Dialogue {
  readonly #exchanges: Exchange[]
  readonly #cut: Cut
  readonly #unanswered: Recorded[] = []
  #requestHead = ''
  #responseHead = ''
  /**
   * The response whose content is passing, how much of it is missing, and how much of that may
   * pass.
   */
  #answering: Recorded | undefined
  #left = 0
  #allowed = 0

  constructor(exchanges: Exchange[], cut: Cut) {
    this.#exchanges = exchanges
    this.#cut = cut
  }

  ask(chunk: Buffer): void {
    const heads = (this.#requestHead + chunk.toString('latin1')).split('\r\n\r\n')
    this.#requestHead = heads.pop()!
    for (const head of heads) {
      const exchange = new Recorded(head)
      this.#unanswered.push(exchange)
      this.#exchanges.push(exchange)
    }
  }

  /**
   * Returns how many bytes of a chunk may pass: fewer than it has if the connection is to be cut.
   */
  respond(chunk: Buffer): number {
    let position = 0
    while (position < chunk.length) {
      position = this.#answering
        ? this.#content(this.#answering, chunk, position)
        : this.#head(chunk, position)
      if (this.#allowed < 0) return position + this.#allowed
    }
    return position
  }

  #head(chunk: Buffer, position: number): number {
    const before = this.#responseHead.length
    this.#responseHead += chunk.toString('latin1', position)
    const end = this.#responseHead.indexOf('\r\n\r\n')
    if (end < 0) return chunk.length
    const [line = '', ...lines] = this.#responseHead.slice(0, end).split('\r\n')
    this.#responseHead = ''
    const exchange = this.#unanswered.shift()
    if (!exchange) throw new Error(`A response to no request: ${line}`)
    exchange.status = Number(line.split(' ')[1])
    exchange.fields = parseFields(lines)
    const isBare = exchange.method === 'HEAD' || exchange.status === 304
    this.#left = isBare ? 0 : Number(exchange.fields.get('content-length') ?? Infinity)
    this.#allowed = this.#cut(exchange) ?? Infinity
    if (this.#left > 0) this.#answering = exchange
    return position + end + 4 - before
  }

  #content(exchange: Recorded, chunk: Buffer, position: number): number {
    const count = Math.min(this.#left, chunk.length - position)
    this.#left -= count
    this.#allowed -= count
    const passed = count + Math.min(this.#allowed, 0)
    exchange.chunks.push(chunk.subarray(position, position + passed))
    if (this.#left === 0) this.#answering = undefined
    return position + count
  }
}

function parseFields(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
