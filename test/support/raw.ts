// HTTP/1.1 over a bare socket: requests are sent literally, and responses are kept literally.

import net from 'node:net'

export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly version?: '1.0' | '1.1'
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export interface RawResponse {
  readonly status: number
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly content: Buffer
}

/** Sends requests on one connection, all at once, and returns their responses in order. */
export async function exchange(
  port: number,
  requests: readonly RawRequest[],
): Promise<RawResponse[]> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    const reader = new Reader(socket)
    for (const request of requests) socket.write(format(request))
    const responses: RawResponse[] = []
    for (const { method = 'GET' } of requests) responses.push(await reader.response(method))
    return responses
  } finally {
    socket.destroy()
  }
}

/** Sends one request and returns its response. */
export async function ask(port: number, request: RawRequest): Promise<RawResponse> {
  const [response] = await exchange(port, [request])
  return response!
}

/** Sends one request on a connection that the server is to close, and returns the response. */
export async function askUntilClosed(port: number, request: RawRequest): Promise<RawResponse> {
  const headers = [...(request.headers ?? []), ['Connection', 'close'] as const]
  const socket = net.connect(port, '127.0.0.1')
  try {
    const reader = new Reader(socket)
    socket.write(format({ ...request, headers }))
    const response = await reader.response(request.method ?? 'GET')
    await reader.end()
    return response
  } finally {
    socket.destroy()
  }
}

/** The single value of a field, or `undefined`; fails if there are several. */
export function field(response: RawResponse, name: string): string | undefined {
  const values = response.fields.get(name.toLowerCase()) ?? []
  if (values.length > 1)
    throw new Error(`${name} came ${values.length} times: ${values.join(' | ')}`)
  return values[0]
}

function format({ method = 'GET', path = '/', version = '1.1', headers = [] }: RawRequest): Buffer {
  const lines = [`${method} ${path} HTTP/${version}`]
  if (!headers.some(([name]) => name.toLowerCase() === 'host')) lines.push('Host: 127.0.0.1')
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

class Reader {
  /** What has arrived and is not taken: joined when it is looked at, once for all that arrived. */
  #chunks: Buffer[] = []
  #length = 0
  #ended = false
  #error: Error | undefined
  #wake: () => void = () => {}

  constructor(socket: net.Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
      this.#wake()
    })
    socket.on('error', (error) => {
      this.#error = error
      this.#wake()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  get #received(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }

  async response(method: string): Promise<RawResponse> {
    await this.#wait(() => this.#received.includes('\r\n\r\n'))
    const end = this.#received.indexOf('\r\n\r\n')
    const [statusLine = '', ...lines] = this.#take(end + 4)
      .toString('latin1', 0, end)
      .split('\r\n')
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(statusLine)?.[1])
    const fields = new Map<string, string[]>()
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
      const values = fields.get(name.toLowerCase())
      if (values) values.push(value)
      else fields.set(name.toLowerCase(), [value])
    }
    const content = await this.#content(method, status, fields)
    return { status, fields, content }
  }

  /** Resolves when the connection has ended. */
  async end(): Promise<void> {
    await this.#wait(() => this.#ended)
  }

  async #content(method: string, status: number, fields: Map<string, string[]>): Promise<Buffer> {
    if (method === 'HEAD' || status === 304 || status === 204) return Buffer.alloc(0)
    if (fields.get('transfer-encoding')?.[0] === 'chunked') return this.#chunked()
    const length = fields.get('content-length')?.[0]
    if (length === undefined) {
      await this.#wait(() => this.#ended)
      return this.#take(this.#length)
    }
    await this.#wait(() => this.#length >= Number(length))
    return this.#take(Number(length))
  }

  async #chunked(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (;;) {
      await this.#wait(() => this.#received.includes('\r\n'))
      const line = this.#received.indexOf('\r\n')
      const size = Number.parseInt(this.#received.toString('latin1', 0, line), 16)
      await this.#wait(() => this.#length >= line + 2 + size + 2)
      this.#take(line + 2)
      chunks.push(this.#take(size))
      this.#take(2)
      if (size === 0) return Buffer.concat(chunks)
    }
  }

  #take(length: number): Buffer {
    const received = this.#received
    this.#chunks = [received.subarray(length)]
    this.#length -= length
    return received.subarray(0, length)
  }

  async #wait(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 5000
    while (!condition()) {
      if (this.#error) throw this.#error
      if (this.#ended) throw new Error('The connection ended before the response did')
      if (Date.now() > deadline) throw new Error('No response within 5 s')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
