// An HTTP origin, by the platform's fetch.

import {
  type ByteRange,
  formatHttpDate,
  isEntityTag,
  isWeak,
  parseContentRange,
  parseHttpDate,
} from '@range-serve/core/sources'
import { type Begun, within } from './deadline.ts'
import { statusError, upstreamError } from './errors.ts'
import type { Limits, RemoteMetadata } from './options.ts'
import { finish, type Part, type PartReader, readerOf } from './part.ts'
import type { Upstream } from './remote-source.ts'
import type { Target } from './target.ts'

/** How requests are made. */
interface Requests {
  readonly fetch: typeof fetch
  readonly headers: Headers
  readonly redirect: 'follow' | 'error'
  readonly limits: Limits
}

/** A response, and the reader of its body, which has to be cancelled. */
interface Received {
  readonly response: Response
  readonly field: (name: string) => string | undefined
  readonly reader: PartReader
}

/** Fields that decide what a response is, which are not the caller's to set. */
const own = ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'] // prettier-ignore

export class HttpUpstream implements Upstream {
  readonly name = 'The upstream'
  host: string | undefined
  readonly isSignedAnew: boolean
  readonly #target: Target | ((context: { signal: AbortSignal }) => Promise<Target>)
  readonly #requests: Requests

  constructor(
    target: Target | ((context: { signal: AbortSignal }) => Promise<Target>),
    requests: Requests,
  ) {
    this.#target = target
    this.#requests = requests
    this.isSignedAnew = typeof target === 'function'
  }

  /** By GET: HEAD is often refused, and not covered by the signature of a URL. */
  async probe(signal: AbortSignal | undefined): Promise<RemoteMetadata> {
    const received = await this.#request({ range: 'bytes=0-0' }, signal)
    const { response, field } = received
    const { status } = response
    const found = status === 206 ? parseContentRange(field('content-range') ?? '') : undefined
    if (found?.completeLength !== undefined) {
      // One byte: its connection can be used again.
      void finishProbe(received.reader)
      this.#refuseCoding(field)
      return { length: found.completeLength, ...metadataOf(field) }
    }
    received.reader.cancel()
    if (status === 200) {
      const metadata = this.#metadataOfWhole(field)
      return metadata.length === 0 ? metadata : { ...metadata, acceptRanges: false }
    }
    // An empty content has no first byte, and some servers do not say how long it is.
    if (status !== 206 && status !== 416) throw this.#statusError(received)
    const whole = await this.#request({}, signal)
    whole.reader.cancel()
    if (whole.response.status !== 200) throw this.#statusError(whole)
    return this.#metadataOfWhole(whole.field)
  }

  #metadataOfWhole(field: Received['field']): RemoteMetadata {
    this.#refuseCoding(field)
    const length = lengthOf(field)
    if (length === undefined) {
      throw upstreamError('ERR_UPSTREAM', `${this.name} does not say how long its content is`)
    }
    return { length, ...metadataOf(field) }
  }

  async open(range: ByteRange, metadata: RemoteMetadata, signal: AbortSignal): Promise<Part> {
    const { firstPos, lastPos } = range
    const fields = metadata.acceptRanges === false ? {} : { range: `bytes=${firstPos}-${lastPos}` }
    const received = await this.#request({ ...fields, ...pinOf(metadata) }, signal)
    try {
      return this.#toPart(received, range, metadata)
    } catch (error) {
      received.reader.cancel()
      throw error
    }
  }

  #toPart(received: Received, range: ByteRange, metadata: RemoteMetadata): Part {
    const { response, field, reader } = received
    const { status } = response
    if (status !== 200 && status !== 206) throw this.#statusError(received)
    this.#refuseCoding(field)
    const { etag, lastModified } = metadataOf(field)
    if (status === 206) {
      const found = parseContentRange(field('content-range') ?? '')
      if (found) return { ...found, etag, lastModified, reader }
      throw upstreamError('ERR_UPSTREAM', `${this.name} responded with a 206 of unknown range`)
    }
    // The full content, of this version or another, which is checked later.
    const { length } = metadata
    const completeLength = lengthOf(field)
    const isSame = (completeLength ?? length) === length
    const hasRanges = metadata.acceptRanges !== false
    if (isSame && (range.firstPos > 0 || (hasRanges && range.lastPos < length - 1))) {
      throw upstreamError('ERR_UPSTREAM_NO_RANGES', `${this.name} ignored Range`)
    }
    return { firstPos: 0, lastPos: length - 1, completeLength, etag, lastModified, reader }
  }

  #refuseCoding(field: Received['field']): void {
    const coding = field('content-encoding') ?? 'identity'
    if (coding.toLowerCase() === 'identity' || coding === '') return
    throw upstreamError('ERR_UPSTREAM', `${this.name} encoded the content, as ${coding}`)
  }

  #statusError({ response, field }: Received): Error {
    const { forbiddenStatus } = this.#requests.limits
    const retryAfter = field('retry-after')
    return statusError(this.name, response.status, { forbiddenStatus, retryAfter })
  }

  async #request(
    fields: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Received> {
    const { limits } = this.#requests
    const late = () =>
      upstreamError('ERR_UPSTREAM_TIMEOUT', `${this.name} sent no header for ${limits.timeout} ms`)
    const { value: response, cancel }: Begun<Response> = await within(
      { ms: limits.timeout, signal, late },
      (until) => this.#fetch(fields, until),
      (tooLate) => void tooLate.body?.cancel().catch(() => {}),
    )
    const reader = readerOf(response.body as ReadableStream<Uint8Array> | null, cancel)
    return { response, reader, field: (name) => response.headers.get(name) ?? undefined }
  }

  async #fetch(fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const target = this.#target
    const { url, headers } = typeof target === 'function' ? await target({ signal }) : target
    this.host = url.host
    const all = new Headers(this.#requests.headers)
    for (const [name, value] of new Headers(headers)) all.set(name, value)
    for (const name of own) all.delete(name)
    // Without it fetch accepts gzip, and servers that encode give another tag and no length.
    all.set('accept-encoding', 'identity')
    for (const name in fields) all.set(name, fields[name]!)
    // 'error' would be an error like any other, and be tried again.
    const redirect = this.#requests.redirect === 'follow' ? 'follow' : 'manual'
    try {
      return await this.#requests.fetch(url, { headers: all, redirect, signal })
    } catch (error) {
      // The text of the error may hold the URL.
      throw upstreamError('ERR_UPSTREAM_RESET', `${this.name} cannot be reached${reasonOf(error)}`)
    }
  }
}

/** The condition that a response is of the version that the metadata describes. */
function pinOf({ etag, lastModified }: RemoteMetadata): Record<string, string> {
  if (etag !== undefined && !isWeak(etag)) return { 'if-match': etag }
  return lastModified ? { 'if-unmodified-since': formatHttpDate(lastModified) } : {}
}

function metadataOf(field: Received['field']): Omit<RemoteMetadata, 'length'> {
  const [type, etag, cacheControl] = ['content-type', 'etag', 'cache-control'].map(field)
  const lastModified = parseHttpDate(field('last-modified') ?? '', Date.now())
  return {
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined || !isEntityTag(etag) ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(cacheControl === undefined ? {} : { cacheControl }),
  }
}

function lengthOf(field: Received['field']): number | undefined {
  const text = field('content-length')
  const length = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(length) ? length : undefined
}

/** Reads the one byte of a probe. */
async function finishProbe(reader: PartReader): Promise<void> {
  await finish({
    next: () => reader.next().then(() => reader.next()),
    cancel: () => reader.cancel(),
  })
}

/** A code of the system or of undici, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } }
  const found = cause?.code ?? code
  return typeof found === 'string' && /^[A-Z][A-Z0-9_]+$/.test(found) ? `: ${found}` : ''
}
