// The requests of a diagnosis: one at a time, counted, each with a time-out, none read to the end of
// a large file.

import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { CannotCheck } from './cannot-check.ts'
import { readContent } from './read-content.ts'
import { contentLength, type Reply, toFields } from './reply.ts'
import type { RequirementRequest } from './requirements/requirement.ts'

/** The most bytes that are read of one response. */
export const readLimit: number = 16 * 1024

export interface ClientOptions {
  /** Fields that each request has. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** For each request, in milliseconds. */
  readonly timeout: number
  /** Whether a certificate that cannot be verified is accepted. */
  readonly insecure: boolean
}

/** What sends the requests: HTTP/1.1 or HTTP/2. */
export interface Transport {
  /** Whether no more requests may be sent. */
  readonly isSpent: boolean
  /** Whether the server accepts no more connections. */
  readonly isDown: boolean
  send(request: RequirementRequest): Promise<Reply>
}

/** How many requests were sent and how many bytes of content read, over all transports. */
export class Budget {
  requests = 0
  bytes = 0
  readonly #max: number

  constructor(maxRequests: number) {
    this.#max = maxRequests
  }

  get isSpent(): boolean {
    return this.requests >= this.#max
  }

  /** Counts a request; throws if there were too many. */
  take(): void {
    if (this.isSpent) throw new CannotCheck(`The limit of ${this.#max} requests is reached`)
    this.requests++
  }
}

/** Merges fields into a record, with several values of one name as an array. */
export function toRecord(
  fields: readonly (readonly [name: string, value: string])[],
): Record<string, string | string[]> {
  const record: Record<string, string[]> = {}
  for (const [name, value] of fields) (record[name] ??= []).push(value)
  return Object.fromEntries(
    Object.entries(record).map(([name, values]) => [name, values.length > 1 ? values : values[0]!]),
  )
}

/** The fields of a request, with those of every request that it does not set itself. */
export function fieldsOf(
  { headers = [] }: RequirementRequest,
  always: ClientOptions['headers'],
): readonly (readonly [string, string])[] {
  const own = new Set(headers.map(([name]) => name.toLowerCase()))
  const common: ClientOptions['headers'] = [
    ['Accept', '*/*'],
    ['Accept-Encoding', 'identity'],
    ['User-Agent', 'range-serve-doctor'],
    ...always,
  ]
  // A field that is given takes precedence over the default of the same name.
  const last = new Map(common.map((pair) => [pair[0].toLowerCase(), pair]))
  return [...[...last].filter(([name]) => !own.has(name)).map(([, pair]) => pair), ...headers]
}

export class Http1Client implements Transport {
  readonly #url: URL
  readonly #options: ClientOptions
  readonly #budget: Budget
  readonly #agent: http.Agent
  isDown = false

  constructor(url: URL, options: ClientOptions, budget: Budget) {
    this.#url = url
    this.#options = options
    this.#budget = budget
    const settings = { keepAlive: true, maxSockets: 1 }
    this.#agent =
      url.protocol === 'https:'
        ? new https.Agent({ ...settings, rejectUnauthorized: !options.insecure })
        : new http.Agent(settings)
  }

  get isSpent(): boolean {
    return this.#budget.isSpent
  }

  /** Throws `CannotCheck` if there is no response. */
  async send(request: RequirementRequest, isRetry = false): Promise<Reply> {
    this.#budget.take()
    const outcome = await this.#exchange(request)
    if ('response' in outcome) return this.#read(outcome.response, request)
    // A server may close a connection that waits just as the next request is sent on it.
    if (outcome.wasReused && !isRetry && !this.#budget.isSpent) return this.send(request, true)
    throw new CannotCheck(outcome.reason)
  }

  close(): void {
    this.#agent.destroy()
  }

  #exchange(
    request: RequirementRequest,
  ): Promise<{ response: IncomingMessage } | { reason: string; wasReused: boolean }> {
    const { timeout, headers } = this.#options
    const { request: open } = this.#url.protocol === 'https:' ? https : http
    return new Promise((resolve) => {
      const sent = open(this.#url, {
        method: request.method ?? 'GET',
        headers: toRecord(fieldsOf(request, headers)),
        agent: this.#agent,
      })
      const timer = setTimeout(() => {
        resolve({ reason: `does not respond within ${timeout} ms`, wasReused: false })
        sent.destroy()
      }, timeout)
      sent.on('response', (response) => {
        clearTimeout(timer)
        resolve({ response })
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        this.isDown = error.code === 'ECONNREFUSED'
        resolve({ reason: describeError(error), wasReused: sent.reusedSocket })
      })
      sent.end()
    })
  }

  async #read(response: IncomingMessage, { method }: RequirementRequest): Promise<Reply> {
    const head = { status: response.statusCode!, fields: toFields(response.rawHeaders) }
    const declared = contentLength({ ...head, content: Buffer.alloc(0), isComplete: false })
    const read = await readContent(
      response,
      readLimit,
      this.#options.timeout,
      method === 'HEAD' ? undefined : declared,
    )
    if (!read.isComplete) response.destroy()
    this.#budget.bytes += read.content.length
    return { ...head, ...read }
  }
}

/** Says in words why there was no response. */
export function describeError(error: NodeJS.ErrnoException): string {
  const { code = '', message } = error
  const known: Record<string, string> = {
    ENOTFOUND: 'has a name that is not found',
    EAI_AGAIN: 'has a name that cannot be looked up now',
    ECONNREFUSED: 'refuses connections',
    ECONNRESET: 'closes the connection without a response',
    EPIPE: 'closes the connection without a response',
    ETIMEDOUT: 'cannot be reached in time',
    CERT_HAS_EXPIRED: 'has a certificate that has expired',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'has a self-signed certificate',
    SELF_SIGNED_CERT_IN_CHAIN: 'has a self-signed certificate in its chain',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'has a certificate whose issuer is not known',
    ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
  }
  if (code.startsWith('HPE_')) return `sends what is not HTTP/1.1: ${message}`
  return known[code] ?? `cannot be asked: ${message}`
}
