// Stands between a source and its upstream: passes requests on, and does to the responses what a
// network and a server can do.

import http from 'node:http'
import { listen } from './listen.ts'

/** What happens to a response. Positions count bytes of its content. */
export interface Fault {
  /** No header is ever sent. */
  readonly silent?: true
  /** The connection is reset there. */
  readonly cut?: number
  /** Nothing more is sent after that, and the connection stays open. */
  readonly stall?: number
  /** It ends there as if complete: without a length. */
  readonly end?: number
  /** Sent in pieces of this size, each in a turn of its own. */
  readonly trickle?: number
  /** Another status, without content. */
  readonly status?: number
  /** Fields that are set, or removed. */
  readonly fields?: Readonly<Record<string, string | undefined>> | undefined
  /** Called at the first byte of content, which waits for it. */
  readonly meanwhile?: () => unknown
}

/** A request as the upstream got it. */
interface Seen {
  readonly method: string
  readonly path: string
  readonly fields: http.IncomingHttpHeaders
  status: number
  /** How many bytes of content were passed on. */
  passed: number
}

export interface FaultProxy {
  readonly port: number
  readonly seen: Seen[]
  /** The faults of the next responses, in order. */
  readonly faults: (Fault | undefined)[]
  /** How many responses are under way. */
  readonly underWay: number
  /** How many connections were opened. */
  readonly connections: number
  /** The `Range` of each request so far, which are forgotten. */
  takeRanges(): (string | undefined)[]
  close(): Promise<void>
}

export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const seen: Seen[] = []
  const faults: (Fault | undefined)[] = []
  let underWay = 0
  let connections = 0
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { method = '', url = '', headers } = request
    const entry: Seen = { method, path: url, fields: headers, status: 0, passed: 0 }
    seen.push(entry)
    const fault = faults.shift() ?? {}
    underWay++
    response.on('close', () => underWay--)
    const options = { host: '127.0.0.1', port, method, path: url, headers: request.rawHeaders }
    const passed = http.request({ ...options, agent: false } as http.RequestOptions, (received) => {
      void passOn(received, response, fault, entry).catch(() => response.destroy())
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  })
  server.on('connection', () => connections++)
  const running = await listen(server)
  return {
    port: running.port,
    seen,
    faults,
    get underWay() {
      return underWay
    },
    get connections() {
      return connections
    },
    takeRanges: () => seen.splice(0).map(({ fields }) => fields.range),
    close: running.close,
  }
}

async function passOn(
  received: http.IncomingMessage,
  response: http.ServerResponse,
  fault: Fault,
  entry: Seen,
): Promise<void> {
  if (fault.silent) return
  entry.status = fault.status ?? received.statusCode!
  const fields: http.OutgoingHttpHeaders = { ...received.headers, ...fault.fields }
  if (fault.end !== undefined || fault.status !== undefined) delete fields['content-length']
  for (const name in fields) if (fields[name] === undefined) delete fields[name]
  response.writeHead(entry.status, fields)
  if (fault.status !== undefined) {
    response.end()
    return
  }
  response.flushHeaders()
  const limit = fault.cut ?? fault.stall ?? fault.end ?? Infinity
  let isFirst = true
  for await (const chunk of received as AsyncIterable<Buffer>) {
    if (isFirst) await fault.meanwhile?.()
    isFirst = false
    const piece = chunk.subarray(0, limit - entry.passed)
    const size = fault.trickle ?? piece.length
    for (let at = 0; at < piece.length; at += size) {
      const part = piece.subarray(at, at + size)
      entry.passed += part.length
      if (response.destroyed) return
      await new Promise((resolve) => response.write(part, resolve))
      if (fault.trickle) await new Promise((resolve) => setImmediate(resolve))
    }
    if (entry.passed >= limit) break
  }
  if (fault.cut !== undefined) response.destroy()
  else if (fault.stall === undefined) response.end()
}
