import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import {
  type Budget,
  type ClientOptions,
  describeError,
  fieldsOf,
  toRecord,
  type Transport,
} from './client.ts'
import { CannotCheck } from './cannot-check.ts'
import { readLimit } from './client.ts'
import { readContent } from './read-content.ts'
import { contentLength, type Reply } from './reply.ts'
import type { RequirementRequest } from './requirements/requirement.ts'

export class Http2Client implements Transport {
  readonly #session: ClientHttp2Session
  readonly #url: URL
  readonly #options: ClientOptions
  readonly #budget: Budget

  private constructor(
    session: ClientHttp2Session,
    url: URL,
    options: ClientOptions,
    budget: Budget,
  ) {
    this.#session = session
    this.#url = url
    this.#options = options
    this.#budget = budget
  }

  /** Resolves to a client if the server agrees to HTTP/2 in its TLS handshake. */
  static connect(
    url: URL,
    options: ClientOptions,
    budget: Budget,
  ): Promise<Http2Client | undefined> {
    if (url.protocol !== 'https:') return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const session = http2.connect(url.origin, { rejectUnauthorized: !options.insecure })
      const giveUp = (): void => {
        clearTimeout(timer)
        resolve(undefined)
        session.destroy()
      }
      const timer = setTimeout(giveUp, options.timeout)
      session.on('error', giveUp)
      session.once('connect', () => {
        if (session.alpnProtocol !== 'h2') return giveUp()
        clearTimeout(timer)
        resolve(new Http2Client(session, url, options, budget))
      })
    })
  }

  get isDown(): boolean {
    return this.#session.destroyed
  }

  get isSpent(): boolean {
    return this.#budget.isSpent
  }

  send(request: RequirementRequest): Promise<Reply> {
    this.#budget.take()
    if (this.isDown) return Promise.reject(new CannotCheck('closes the connection'))
    const { pathname, search, host } = this.#url
    const { timeout, headers } = this.#options
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': request.method ?? 'GET',
        ':path': pathname + search,
        ':authority': host,
        ...toRecord(fieldsOf(request, headers)),
      })
      const fail = (reason: string): void => {
        clearTimeout(timer)
        reject(new CannotCheck(reason))
        stream.close(http2.constants.NGHTTP2_CANCEL)
      }
      const timer = setTimeout(() => fail(`does not respond within ${timeout} ms`), timeout)
      stream.once('error', (error) => fail(describeError(error)))
      stream.once('response', (head: IncomingHttpHeaders & { ':status'?: number }) => {
        clearTimeout(timer)
        const fields = new Map(
          Object.entries(head)
            .filter(([name]) => !name.startsWith(':'))
            .map(([name, value = []]): [string, string[]] => [name, [value].flat()]),
        )
        const started = { status: head[':status'] ?? 0, fields }
        const declared = contentLength({ ...started, content: Buffer.alloc(0), isComplete: false })
        const expected = request.method === 'HEAD' ? undefined : declared
        void readContent(stream, readLimit, timeout, expected).then((read) => {
          stream.close(http2.constants.NGHTTP2_CANCEL)
          this.#budget.bytes += read.content.length
          resolve({ ...started, ...read })
        })
      })
    })
  }

  close(): void {
    this.#session.destroy()
  }
}
