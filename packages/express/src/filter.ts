// The filter: an answer's own head, seen as it is written, decides what becomes of its bytes.
//
//   writeHead ─▶ eligible? ─▶ plan ─▶ the head that is sent
//   write, end ─▶ whole, cut into the plan's segments, or dropped

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { planResponse, type ResponsePlan, type SendOptions } from '@range-serve/core'
import {
  callsBack,
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

/**
 * Adds Accept-Ranges, where it applies, to an answer that will be whole whatever it is, and gives the
 * arguments to write its head with.
 */
export function setAcceptRanges(response: ServerResponse, args: unknown[]): unknown[] {
  const given = givenFields(args)
  const field = fieldsOf(response, given)
  if (field('accept-ranges') !== undefined || !mayBeCut(field)) return args
  const length = contentLength(field, contentOf(response))
  if (length === undefined) return args
  // Node leaves it out where it sends no content.
  if (response.req.method === 'HEAD') response.setHeader('Content-Length', length)
  return acceptRanges(response, field, args, given)
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
  /** All of the body has come; what is still written is dropped. */
  #complete = false
  /** The last of the body, where that is to go out with the end and not before. */
  #held: Uint8Array | undefined
  /** The answer has been ended. */
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
    const { chunk, encoding, callback } = toWrite(args)
    const { write } = this.#methods
    // Node refuses it, and has sent nothing by then.
    if (!isContent(chunk)) return write.apply(this.#response, args)
    this.#sendHead()
    if (!this.#cut) {
      if (this.#transfer) this.#count(toBytes(chunk, encoding))
      return write.apply(this.#response, args)
    }
    if (this.#complete) return drop(callback)
    const pieces = this.#cut.push(toBytes(chunk, encoding))
    return this.#cut.done ? this.#completeWith(pieces, callback) : this.#send(pieces, callback)
  }

  /** `response.end(...args)` */
  end(args: unknown[]): unknown {
    const response = this.#response
    const { chunk, encoding, callback } = toWrite(args)
    if (!isContent(chunk) && chunk !== undefined && chunk !== null) {
      return this.#methods.end.apply(response, args)
    }
    const content = isContent(chunk) ? toBytes(chunk, encoding) : undefined
    if (!this.#decided && response.statusCode === 200 && !response.headersSent) {
      this.#content = content ?? this.#noContent()
      this.#sendHead()
    }
    if (!this.#cut) {
      if (this.#transfer && content) this.#count(content)
      return this.#methods.end.apply(response, args)
    }
    if (this.#ended) {
      if (callback) whenFinished(response, callback)
      return response
    }
    this.#ended = true
    const pieces = this.#held ? [this.#held] : []
    if (!this.#complete && content) pieces.push(...this.#cut.push(content))
    const last = pieces.pop()
    this.#send(pieces)
    // The handler promised more than it wrote.
    if (!this.#cut.done) cutOff(response)
    else this.#methods.end.apply(response, toArgs(last && this.#count(last), callback))
    return response
  }

  /** Content that `end` was not given: none, but for HEAD, whose handler may not have made it. */
  #noContent(): Uint8Array | undefined {
    return this.#request.method === 'HEAD' ? undefined : new Uint8Array(0)
  }

  /** Another source is piped into the response. */
  notePipe(source: Readable): void {
    if (this.#complete) this.#letGo(source)
  }

  /** Writes the head, through all who hooked `writeHead` too, so that it is decided what follows. */
  #sendHead(): void {
    const response = this.#response
    if (this.#decided || response.headersSent) return
    response.writeHead(response.statusCode)
  }

  /**
   * Writes what belongs to the body. The callback comes when the memory may be used again, and no
   * sooner than the network asks for more.
   */
  #send(pieces: readonly Uint8Array[], callback?: Callback): boolean {
    const { write } = this.#methods
    const response = this.#response
    const last = pieces.at(-1)
    if (!last) return drop(callback)
    for (const piece of pieces.slice(0, -1)) write.call(response, this.#count(piece))
    if (!callback || callsBack(this.#methods)) {
      return write.apply(response, toArgs(this.#count(last), callback)) as boolean
    }
    // Somebody's own `write` may drop callbacks, and keep the memory for longer than it says.
    const flowing = write.call(response, this.#count(Buffer.from(last)))
    if (flowing === false) whenFlowing(response, callback)
    else drop(callback)
    return flowing as boolean
  }

  /**
   * The last of the body. What is piped into the response is let go of, and the answer ended; whoever
   * writes by himself goes on until he ends it, since to a `pipeline` or a web stream an earlier end
   * would be a failure.
   */
  #completeWith(pieces: Uint8Array[], callback?: Callback): boolean {
    const last = pieces.pop()
    this.#complete = true
    this.#send(pieces)
    const sources = [...this.#sources()]
    if (sources.length > 0) {
      this.#ended = true
      // The last goes out with the end: who has something to do before that, as express-session has a
      // session to save, keeps it back until then.
      this.#methods.end.apply(this.#response, toArgs(last && this.#count(last), callback))
      for (const source of sources) this.#letGo(source)
      return true
    }
    if (callsBack(this.#methods)) {
      if (last) return this.#send([last], callback)
      this.#response.flushHeaders()
    } else if (last) {
      this.#held = Buffer.from(last)
    }
    return drop(callback)
  }

  #count(piece: Uint8Array): Uint8Array {
    if (this.#transfer) {
      this.#transfer.firstByte()
      this.#transfer.bytesSent += piece.length
    }
    return piece
  }

  /** Decides about an answer as its head is written, and gives the arguments to write it with. */
  decide(args: unknown[]): unknown[] {
    if (this.#decided) return args
    this.#decided = true
    const response = this.#response
    if (Number(args[0]) !== 200) return args
    const given = givenFields(args)
    const set: Fields = response.getHeaders()
    const field = lookUp(set, given)
    const length = contentLength(field, this.#content?.length)
    if (length === undefined) return args
    const plan = mayBeCut(field) ? this.#plan(length, field) : undefined
    if (plan) this.#observe(plan, length)
    if (!plan || plan.status === 200) {
      this.#setLength(field, length)
      return plan ? acceptRanges(response, field, args, given) : args
    }
    for (const [name, value] of Object.entries(toFields(given))) {
      if (value === undefined) continue
      response.setHeader(name, value)
      set[name] = value
    }
    for (const name in set) if (isStale(plan, name)) response.removeHeader(name)
    for (const [name, value] of Object.entries(plan.headers)) {
      if (set[name.toLowerCase()] !== value) response.setHeader(name, value)
    }
    this.#cut = new Cut(plan.body)
    return [plan.status, STATUS_CODES[plan.status]]
  }

  /** As Node does where it is told all of the content at once, and does not where it sends none. */
  #setLength(field: Lookup, length: number): void {
    const isOpen = field('content-length') === undefined && field('transfer-encoding') === undefined
    if (isOpen || this.#request.method === 'HEAD') {
      this.#response.setHeader('Content-Length', length)
    }
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
   * success, and destroyed. A Duplex may still be written to: it is destroyed when all is sent. One
   * that somebody else reads too is theirs from here on.
   */
  #letGo(source: Readable): void {
    if (source.listenerCount('data') > 1) {
      source.unpipe?.(this.#response)
    } else if (source instanceof Readable && !isOpenDuplex(source)) {
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

type Callback = () => void

/** What `write` and `end` are given; each may be left out. */
function toWrite(args: readonly unknown[]): {
  chunk: unknown
  encoding: unknown
  callback: Callback | undefined
} {
  const at = args.findIndex((arg) => typeof arg === 'function')
  const [chunk, encoding] = at < 0 ? args : args.slice(0, at)
  return { chunk, encoding, callback: args[at] as Callback | undefined }
}

/** Arguments for `write` or `end`. */
function toArgs(...args: readonly unknown[]): unknown[] {
  return args.filter((arg) => arg !== undefined)
}

/** Takes what is not to be sent, as `write` takes what is. */
function drop(callback: Callback | undefined): true {
  if (callback) process.nextTick(callback)
  return true
}

/** Calls back when a response takes more, or nobody will read it. */
function whenFlowing(response: ServerResponse, callback: Callback): void {
  const call = () => {
    response.off('drain', call).off('close', call)
    callback()
  }
  response.on('drain', call).on('close', call)
}

/** Calls back behind the callbacks of the writes, which may still be to come. */
function whenFinished(response: ServerResponse, callback: Callback): void {
  if (response.writableFinished) drop(callback)
  else response.once('finish', () => drop(callback))
}

/** What an answer will say: what `writeHead` is given goes before what was set. */
function fieldsOf(response: ServerResponse, given: unknown): Lookup {
  if (typeof given !== 'object' || given === null) return (name) => response.getHeader(name)
  const fields = toFields(given)
  return (name) => fields[name] ?? response.getHeader(name)
}

function lookUp(set: Fields, given: unknown): Lookup {
  if (typeof given !== 'object' || given === null) return (name) => set[name]
  const fields = toFields(given)
  return (name) => fields[name] ?? set[name]
}

function contentLength(field: Lookup, content: number | undefined): number | undefined {
  const value = field('content-length')
  if (value === undefined) return content
  const length = Number(value)
  return /^\d+$/.test(String(value)) && Number.isSafeInteger(length) ? length : undefined
}

/**
 * Adds Accept-Ranges, unless it is there, and gives the arguments to write the head with. To a list of
 * field lines it is added: were anything set beside, Node would take the list apart, and lose lines.
 */
function acceptRanges(
  response: ServerResponse,
  field: Lookup,
  args: unknown[],
  given: unknown,
): unknown[] {
  if (field('accept-ranges') !== undefined) return args
  if (!Array.isArray(given)) {
    response.setHeader('Accept-Ranges', 'bytes')
    return args
  }
  const line = ['Accept-Ranges', 'bytes']
  const list = Array.isArray(given[0]) ? [...given, line] : [...given, ...line]
  return args.map((arg) => (arg === given ? list : arg))
}

/** What `writeHead` was given for fields, behind the status and, perhaps, its text. */
function givenFields(args: readonly unknown[]): unknown {
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

function isContent(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

function toBytes(chunk: string | Uint8Array, encoding: unknown): Uint8Array {
  if (typeof chunk !== 'string') return chunk
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}
