// The filter: an answer's own head, seen as it is written, decides what becomes of its bytes.
//
//   writeHead ─▶ eligible? ─▶ plan ─▶ the head that is sent
//   write, end ─▶ whole, cut into the plan's segments, or dropped

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { Readable, Transform, Writable } from 'node:stream'
import type { ResponsePlan } from '@range-serve/core'
import {
  applyFields,
  Cut,
  cutOff,
  endEarly,
  type FilterOptions,
  isObserved,
  isUnpatched,
  mayBeCut,
  OngoingTransfer,
  parseContentLength,
  planPassing,
  whenOver,
} from '@range-serve/core/adapter'
import type { Methods } from './hooks.ts'

/**
 * Adds Accept-Ranges, where it applies, to an answer that will be whole whatever it is, and gives the
 * arguments to write its head with.
 */
export function setAcceptRanges(response: ServerResponse, args: unknown[]): unknown[] {
  const given = givenFields(args)
  const field = withGiven((name) => response.getHeader(name), given)
  if (field('accept-ranges') !== undefined || !mayBeCut(field)) return args
  const length = lengthOf(field, contentOf(response))
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
  /** Where the body is made of segments, those, and the fields they go with. */
  #cut: Cut | undefined
  #planned: ResponsePlan['headers'] = {}
  /** All of the body has come; what is still written is dropped. */
  #complete = false
  /** The last of the body, where that is to go out with the end and not before. */
  #held: Uint8Array | undefined
  /** The answer has been ended, by us or by its handler. */
  #ended: 'early' | 'duly' | undefined
  /** How much has been dropped without a pause, in bytes. */
  #dropped = 0
  /** Who waits for a response that calls nobody back. */
  readonly #waiting: Callback[] = []
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
    // Node refuses what is no content, with nothing sent, and what comes after the end.
    if (!isContent(chunk) || this.#ended === 'duly') return write.apply(this.#response, args)
    this.#sendHead()
    if (!this.#cut) {
      if (this.#transfer) this.#count(toBytes(chunk, encoding))
      return write.apply(this.#response, args)
    }
    const bytes = toBytes(chunk, encoding)
    if (this.#complete) return this.#drop(bytes, callback)
    const pieces = this.#cut.push(bytes)
    if (this.#cut.done) return this.#completeWith(pieces, callback)
    return pieces.length > 0 ? this.#send(pieces, callback) : this.#drop(bytes, callback)
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
      this.#ended = 'duly'
      if (callback) whenFinished(response, callback)
      return response
    }
    this.#ended = 'duly'
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
    if (this.#complete && !isLink(source)) this.#letGo(source)
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
    if (!last) return true
    for (const piece of pieces.slice(0, -1)) write.call(response, this.#count(piece))
    if (!callback || isUnpatched(this.#methods)) {
      return write.apply(response, toArgs(this.#count(last), callback)) as boolean
    }
    // Somebody's own `write` may drop callbacks, and keep the memory for longer than it says.
    const flowing = write.call(response, this.#count(Buffer.from(last)))
    if (flowing === false) this.#wait(callback)
    else process.nextTick(callback)
    return flowing as boolean
  }

  /** Calls back when the response takes more, or nobody will read it. */
  #wait(callback: Callback): void {
    if (this.#waiting.push(callback) > 1) return
    const response = this.#response
    const wake = () => {
      response.off('drain', wake).off('close', wake)
      for (const each of this.#waiting.splice(0)) each()
    }
    response.on('drain', wake).on('close', wake)
  }

  /**
   * Takes what is not to be sent, as `write` takes what is. Whoever writes without end is made to wait
   * for a turn of the event loop now and then, as he would be by a client.
   */
  #drop(chunk: Uint8Array, callback?: Callback): boolean {
    this.#dropped += chunk.length + costOfWrite
    if (this.#dropped < mostDropped) {
      if (callback) process.nextTick(callback)
      return true
    }
    this.#dropped = 0
    setImmediate(() => {
      callback?.()
      this.#response.emit('drain')
    })
    return false
  }

  /**
   * The last of the body. What is piped into the response is let go of, and the answer ended; whoever
   * writes by himself, or through a Transform, goes on until he ends it, since to a `pipeline` or a web
   * stream an earlier end would be a failure.
   */
  #completeWith(pieces: Uint8Array[], callback?: Callback): boolean {
    const last = pieces.pop()
    this.#complete = true
    this.#send(pieces)
    const sources = [...this.#sources()]
    if (sources.length > 0 && !sources.some(isLink)) {
      this.#ended = 'early'
      // The last goes out with the end: who has something to do before that, as express-session has a
      // session to save, keeps it back until then.
      this.#methods.end.apply(this.#response, toArgs(last && this.#count(last), callback))
      for (const source of sources) this.#letGo(source)
      return true
    }
    // Should the client leave now, it has all it wanted: the chain is read to its end all the same.
    for (const source of sources) this.#response.once('close', () => source.resume?.())
    if (isUnpatched(this.#methods)) {
      if (last) return this.#send([last], callback)
      this.#response.flushHeaders()
    } else if (last) {
      this.#held = Buffer.from(last)
    }
    if (callback) process.nextTick(callback)
    return true
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
    const field = withGiven((name) => set[name], given)
    const length = lengthOf(field, this.#content?.length)
    if (length === undefined) return args
    const seekable = this.#content !== undefined
    const plan = planPassing(this.#request, field, { length, seekable }, this.#options)
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
    applyFields(response, plan)
    this.#cut = new Cut(plan.body)
    this.#planned = plan.headers
    return [plan.status, STATUS_CODES[plan.status]]
  }

  /** The head could not be written: what comes instead is not what was planned for. */
  undecide(): void {
    const response = this.#response
    if (response.headersSent) return
    for (const name in this.#planned) response.removeHeader(name)
    this.#decided = false
    this.#cut = undefined
    this.#content = undefined
    this.#ended = undefined
  }

  /** As Node does where it is told all of the content at once, and does not where it sends none. */
  #setLength(field: Lookup, length: number): void {
    const isOpen = field('content-length') === undefined && field('transfer-encoding') === undefined
    if (isOpen || this.#request.method === 'HEAD') {
      this.#response.setHeader('Content-Length', length)
    }
  }

  #observe(plan: ResponsePlan, length: number): void {
    if (!isObserved(this.#options)) return
    const transfer = new OngoingTransfer(this.#request, this.#options.onTransfer)
    this.#transfer = transfer
    transfer.start(plan, length)
    whenOver(this.#response, (sent) => {
      // Without a Range it passes as it is, and may be less than was promised.
      const isWhole = transfer.bytesSent >= transfer.bytesPlanned
      transfer.finish(!sent || !isWhole)
    })
  }

  /**
   * Ends a piped source at once. One that somebody else reads too is theirs from here on. A Duplex that
   * is still written to is destroyed when all is sent.
   */
  #letGo(source: Readable): void {
    if (source.listenerCount('data') > 1) {
      source.unpipe?.(this.#response)
    } else if (source instanceof Readable && !isOpenDuplex(source)) {
      endEarly(source)
    } else {
      this.#response.once('close', () => source.destroy?.())
    }
  }
}

/** How much may be dropped before whoever writes it has to wait, and what a write counts for, in bytes. */
const mostDropped = 1024 * 1024
const costOfWrite = 1024

function isOpenDuplex(source: Readable): boolean {
  return source instanceof Writable && !source.writableFinished
}

/** Whether a source is one link of a chain, whose others would hang or fail without it. */
function isLink(source: Readable): boolean {
  return source instanceof Transform && isOpenDuplex(source)
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

/** Calls back behind the callbacks of the writes, which may still be to come. */
function whenFinished(response: ServerResponse, callback: Callback): void {
  if (response.writableFinished) process.nextTick(callback)
  else response.once('finish', () => process.nextTick(callback))
}

/** What an answer will say: what `writeHead` is given goes before what was set. */
function withGiven(set: Lookup, given: unknown): Lookup {
  if (typeof given !== 'object' || given === null) return set
  const fields = toFields(given)
  return (name) => fields[name] ?? set(name)
}

/** The length of an answer: what it says, or that of its content. */
function lengthOf(field: Lookup, content: number | undefined): number | undefined {
  const value = field('content-length')
  return value === undefined ? content : parseContentLength(value)
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
