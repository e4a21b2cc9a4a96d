// The filter: an answer's own head, seen as it is written, decides what becomes of its bytes.
//
//   writeHead ─▶ eligible? ─▶ plan ─▶ the head that is sent
//   write, end ─▶ whole, cut into the plan's segments, or dropped

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { planResponse, type ResponsePlan, type SendOptions } from '@range-serve/core'
import {
  Cut,
  cutOff,
  isObserved,
  isSent,
  isStale,
  mayBeCut,
  OngoingTransfer,
  parseHttpDate,
  presetOf,
} from '@range-serve/core/adapter'
import type { Methods } from './hooks.ts'

/** What the filter can be told. */
type FilterOptions = Pick<SendOptions, 'maxRanges' | 'maxSkip' | 'onTransfer'>

/** Adds Accept-Ranges, where it applies, to an answer that will be whole whatever it is. */
export function setAcceptRanges(response: ServerResponse, given: unknown): void {
  const field = fieldsOf(response, given)
  if (field('accept-ranges') !== undefined || !mayBeCut(field)) return
  const length = contentLength(field, contentOf(response))
  if (length === undefined) return
  response.setHeader('Accept-Ranges', 'bytes')
  // Node leaves it out where it sends no content.
  if (response.req.method === 'HEAD') response.setHeader('Content-Length', length)
}

/**
 * The length of content that was given to `end` at once: Node notes it before it writes the head.
 * None is no length for HEAD, whose handler may not have made the content.
 */
function contentOf(response: ServerResponse): number | undefined {
  const { _contentLength: length } = response as { _contentLength?: unknown }
  if (typeof length !== 'number' || (length === 0 && response.req.method === 'HEAD')) {
    return undefined
  }
  return length
}

type FieldValue = number | string | readonly string[] | undefined
type Fields = Record<string, FieldValue>
/** What the answer will say in a field, by its name in lower case. */
type Lookup = (name: string) => FieldValue

/** The filter of one answer that may have to be another than its handler makes it. */
export class Filter {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #methods: Methods
  readonly #options: FilterOptions
  readonly #sources: () => readonly Readable[]
  #transfer: OngoingTransfer | undefined
  /** The head has been written, and what it says holds for the body. */
  #decided = false
  /** Where the body is made of segments, those; `undefined` where it passes as it is. */
  #cut: Cut | undefined
  /** The answer has been ended, by us; what is still written to it is dropped. */
  #ended = false
  /** The whole content, where `end` brings it all at once. */
  #content: Uint8Array | undefined

  /**
   * @param methods what the response does without us
   * @param sources what is piped into the response
   */
  constructor(
    response: ServerResponse,
    methods: Methods,
    options: FilterOptions,
    sources: () => readonly Readable[],
  ) {
    this.#request = response.req
    this.#response = response
    this.#methods = methods
    this.#options = options
    this.#sources = sources
  }

  /** `response.write(...args)` */
  write(args: unknown[]): unknown {
    const [chunk, ...rest] = args
    const [encoding, callback] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest
    this.#sendHead()
    if (!this.#cut) {
      if (this.#transfer && isContent(chunk))
        this.#transfer.bytesSent += toBytes(chunk, encoding).length
      return this.#methods.write.apply(this.#response, args)
    }
    const flowing = this.#push(toBytes(chunk, encoding))
    if (typeof callback === 'function') process.nextTick(callback)
    return flowing
  }

  /** `response.end(...args)` */
  end(args: unknown[]): unknown {
    const response = this.#response
    const callback = args.find((arg) => typeof arg === 'function') as (() => void) | undefined
    const [chunk, encoding] = args
    const content = isContent(chunk) ? toBytes(chunk, encoding) : undefined
    if (!this.#decided && response.statusCode === 200 && !response.headersSent) {
      this.#content = content ?? this.#noContent()
      // What Node does where it is told all of the content at once.
      if (this.#content && !hasLength(response)) {
        response.setHeader('Content-Length', this.#content.length)
      }
      this.#sendHead()
    }
    if (!this.#cut) return this.#methods.end.apply(response, args)
    if (content) this.#push(content)
    else this.#endIfDone()
    if (callback) {
      // Behind the callbacks of the writes, which may still be to come.
      const callBack = () => process.nextTick(callback)
      if (response.writableFinished) callBack()
      else response.once('finish', callBack)
    }
    if (!this.#ended) {
      // The handler promised more than it wrote.
      this.#ended = true
      cutOff(response)
    }
    return response
  }

  /** Content that `end` was not given: none, but for HEAD, whose handler may not have made it. */
  #noContent(): Uint8Array | undefined {
    return this.#request.method === 'HEAD' ? undefined : new Uint8Array(0)
  }

  /** Writes the head, through all who hooked `writeHead` too, so that it is decided what follows. */
  #sendHead(): void {
    const response = this.#response
    if (this.#decided || response.headersSent) return
    response.writeHead(response.statusCode)
  }

  #push(chunk: Uint8Array): boolean {
    if (this.#ended) return true
    const pieces = this.#cut!.push(chunk)
    // The last goes out with the end: who has something to do before that, as express-session has a
    // session to save, keeps it back until then.
    const last = this.#cut!.done ? pieces.pop() : undefined
    let flowing = true
    for (const piece of pieces) {
      flowing = this.#methods.write.call(this.#response, this.#count(piece)) as boolean
    }
    return this.#endIfDone(last) || flowing
  }

  #count(piece: Uint8Array): Uint8Array {
    if (this.#transfer) {
      this.#transfer.firstByte()
      this.#transfer.bytesSent += piece.length
    }
    return piece
  }

  /** Ends the answer with the last piece of its body, and whatever is piped into it. */
  #endIfDone(last?: Uint8Array): boolean {
    if (this.#ended || !this.#cut!.done) return this.#ended
    this.#ended = true
    this.#methods.end.apply(this.#response, last ? [this.#count(last)] : [])
    for (const source of this.#sources()) this.#letGo(source)
    return true
  }

  /** Decides about an answer as its head is written, and gives the arguments to write it with. */
  decide(args: unknown[]): unknown[] {
    if (this.#decided) return args
    this.#decided = true
    const response = this.#response
    if (Number(args[0]) !== 200) return args
    const given = givenFields(args)
    const field = fieldsOf(response, given)
    const length = contentLength(field, this.#content?.length)
    if (length === undefined || !mayBeCut(field)) return args

    const plan = this.#plan(length, field)
    this.#observe(plan, length)
    if (plan.status === 200) {
      if (field('accept-ranges') === undefined) response.setHeader('Accept-Ranges', 'bytes')
      // Node leaves it out where it sends no content.
      if (this.#request.method === 'HEAD') response.setHeader('Content-Length', length)
      return args
    }
    for (const [name, value] of Object.entries(toFields(given))) {
      if (value !== undefined) response.setHeader(name, value)
    }
    for (const name of response.getHeaderNames()) {
      if (isStale(plan, name)) response.removeHeader(name)
    }
    for (const [name, value] of Object.entries(plan.headers)) response.setHeader(name, value)
    response.statusCode = plan.status
    response.statusMessage = STATUS_CODES[plan.status]!
    this.#cut = new Cut(plan.body)
    return [plan.status]
  }

  #plan(length: number, field: Lookup): ResponsePlan {
    const { type, etag, lastModified, cacheControl } = presetOf(field)
    const date = lastModified === undefined ? undefined : parseHttpDate(lastModified, Date.now())
    const representation = {
      length,
      seekable: this.#content !== undefined,
      ...(type === undefined ? {} : { type }),
      ...(etag === undefined ? {} : { etag }),
      ...(date === undefined ? {} : { lastModified: date }),
    }
    const headers = cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }
    return planResponse(this.#request, representation, { ...this.#options, headers })
  }

  #observe(plan: ResponsePlan, length: number): void {
    if (!isObserved(this.#options)) return
    const transfer = new OngoingTransfer(this.#request, this.#options.onTransfer)
    this.#transfer = transfer
    transfer.start(plan, length)
    this.#response.once('close', () => transfer.finish(!isSent(this.#response)))
  }

  /**
   * Ends a piped source at once: it is told that it is at its end, so that `pipeline` takes that for
   * success, and destroyed. A Duplex may still be written to: it is destroyed when all is sent.
   */
  #letGo(source: Readable): void {
    if (source instanceof Readable && !isOpenDuplex(source)) {
      source.once('end', () => source.destroy())
      source.push = () => false
      Readable.prototype.push.call(source, null)
      source.resume()
    } else {
      this.#response.once('close', () => source.destroy?.())
    }
  }
}

function isOpenDuplex(source: Readable): boolean {
  return source instanceof Writable && !source.writableFinished
}

/** What an answer will say: what `writeHead` is given goes before what was set. */
function fieldsOf(response: ServerResponse, given: unknown): Lookup {
  if (typeof given !== 'object' || given === null) return (name) => response.getHeader(name)
  const fields = toFields(given)
  return (name) => fields[name] ?? response.getHeader(name)
}

function contentLength(field: Lookup, content: number | undefined): number | undefined {
  const value = field('content-length')
  if (value === undefined) return content
  const length = Number(value)
  return /^\d+$/.test(String(value)) && Number.isSafeInteger(length) ? length : undefined
}

/** What `writeHead` was given for fields, behind the status and, perhaps, its text. */
export function givenFields(args: readonly unknown[]): unknown {
  return args.slice(1).find((arg) => typeof arg === 'object' && arg !== null)
}

/** The fields that `writeHead` was given, as a record or as a list of names and values. */
function toFields(given: unknown): Fields {
  if (typeof given !== 'object' || given === null) return {}
  const pairs = Array.isArray(given) ? toPairs(given) : Object.entries(given as Fields)
  const fields: Record<string, unknown> = {}
  for (const [name, value] of pairs) {
    const key = name.toLowerCase()
    // Several lines of one name are a list, as with Set-Cookie.
    fields[key] = key in fields ? [fields[key], value].flat() : value
  }
  return fields as Fields
}

function toPairs(list: unknown[]): [string, unknown][] {
  if (Array.isArray(list[0])) return list as [string, unknown][]
  const pairs: [string, unknown][] = []
  for (let i = 0; i < list.length; i += 2) pairs.push([String(list[i]), list[i + 1]])
  return pairs
}

function hasLength(response: ServerResponse): boolean {
  return response.hasHeader('Content-Length') || response.hasHeader('Transfer-Encoding')
}

function isContent(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

function toBytes(chunk: unknown, encoding: unknown): Uint8Array {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  }
  if (chunk instanceof Uint8Array) return chunk
  throw Object.assign(new TypeError('The chunk must be a string or a Uint8Array'), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
}
