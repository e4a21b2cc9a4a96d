// Clients on Node's own modules, for responses that do not end properly.

import http from 'node:http'
import http2 from 'node:http2'
import type { Readable } from 'node:stream'

/** Reads a response as far as it arrives: its bytes, and whether it ended as complete. */
export function download(
  port: number,
  headers: http.OutgoingHttpHeaders = {},
  onFirstBytes: () => void = () => {},
): Promise<{ status: number; content: Buffer; complete: boolean }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.once('data', onFirstBytes)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => {})
      response.on('close', () => {
        const { statusCode: status = 0, complete } = response
        resolve({ status, content: Buffer.concat(chunks), complete })
      })
    })
    request.on('error', reject)
  })
}

/** Begins to read a response, and disconnects after the first bytes. */
export function leave(port: number, headers: http.OutgoingHttpHeaders = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      response.once('data', () => {
        response.destroy()
        resolve()
      })
      response.on('error', () => {})
    })
    request.on('error', reject)
  })
}

/** How much of a response arrived, and whether it ended as complete. */
export interface Received {
  readonly status: number
  readonly type: string
  readonly fields: http.IncomingHttpHeaders
  readonly content: Buffer
  readonly complete: boolean
}

/** A response that is not read until `read` is called. */
export interface Begun {
  /** Settles when the head has arrived, or will not. */
  readonly head: Promise<unknown>
  /** Reads to the end, complete or not; fails if there is none. */
  rest(): Promise<Received>
  leave(): void
  /** Reads to the last byte, and disconnects. */
  leaveAtEnd(): Promise<void>
}

/** Begins a request, over HTTP/2 if the server speaks that. */
export function begin(server: object, port: number, headers: Record<string, string> = {}): Begun {
  if (server instanceof http.Server) {
    // Kept alive, so that a connection with a short response ends only if it is cut off.
    const kept = { ...headers, Connection: 'keep-alive' }
    const request = http.get({ host: '127.0.0.1', port, headers: kept, agent: false })
    request.on('error', () => {})
    let response: http.IncomingMessage | undefined
    const head = new Promise<void>((resolve) => {
      request.once('close', resolve).once('response', (received) => {
        response = received
        received.on('error', () => {})
        resolve()
      })
    })
    const rest = async (): Promise<Received> => {
      await head
      const content = response ? await readAll(response) : Buffer.alloc(0)
      const { statusCode: status = 0, headers: fields = {}, complete = false } = response ?? {}
      return { status, type: fields['content-type'] ?? '', fields, content, complete }
    }
    const leave = () => void request.destroy()
    const leaveAtEnd = async () => {
      await head
      const length = Number(response!.headers['content-length'])
      await readUpTo(response!, length)
      leave()
    }
    return { head, rest, leave, leaveAtEnd }
  }
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const stream = session.request({ ':path': '/', ...headers })
  stream.on('error', () => {}).once('close', () => session.close())
  let fields: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
  const head = new Promise<void>((resolve) => {
    stream.once('close', resolve).once('response', (response) => {
      fields = response
      resolve()
    })
  })
  const rest = async (): Promise<Received> => {
    const content = await readAll(stream)
    const complete = stream.rstCode === http2.constants.NGHTTP2_NO_ERROR && stream.readableEnded
    const type = fields['content-type'] ?? ''
    return { status: fields[':status'] ?? 0, type, fields, content, complete }
  }
  const leave = () => stream.close(http2.constants.NGHTTP2_CANCEL)
  const leaveAtEnd = async () => {
    await head
    await readUpTo(stream, Number(fields['content-length']))
    leave()
  }
  return { head, rest, leave, leaveAtEnd }
}

function readUpTo(stream: Readable, length: number): Promise<void> {
  return new Promise((resolve) => {
    let missing = length
    stream.on('data', (chunk: Buffer) => {
      missing -= chunk.length
      if (missing === 0) resolve()
    })
  })
}

function readAll(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The response does not end within 5 s')), 5000)
    const chunks: Buffer[] = []
    const end = () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks))
    }
    if (stream.closed) return end()
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).once('close', end)
  })
}
