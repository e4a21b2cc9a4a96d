// A plan and its bytes → a node:http or http2 response, the fast way.

import { ServerResponse } from 'node:http'
import { constants, Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { invalidArgument, toError } from '../errors.ts'
import { isEntityTag, weaken } from '../semantics/entity-tag.ts'
import { isStale } from '../semantics/fields.ts'
import type { ResponsePlan } from '../semantics/plan.ts'
import type { OngoingTransfer, Transfer } from '../transfer.ts'
import { Cancellation, whenAborted } from './cancellation.ts'
import { canGather, type Pieces, ReadAhead, toPieces } from './pieces.ts'
import { smallBuffers, smallSize } from './pool.ts'
import type { DirectSource } from '../sources/source.ts'

/** What of a response delivery needs; both of Node's have it. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** An answer that is decided, and the source of its bytes, open, which whoever sends it must release. */
export interface Answer {
  readonly plan: ResponsePlan
  readonly source: DirectSource
  readonly transfer: OngoingTransfer
  /** All of its content, where that is on its way already. */
  readonly readAhead: ReadAhead | undefined
}

/**
 * Sends an answer and settles when it is over: resolved when it was sent or the client left,
 * rejected when the source failed before anything was sent, so that another answer can be.
 *
 * A source that fails later, or runs short, destroys the connection (HTTP/2: the stream).
 */
export function deliver(
  response: NodeResponse,
  answer: Answer,
  signal: AbortSignal | undefined,
): Promise<Transfer> {
  return new Promise((resolve, reject) => {
    new Delivery(response, answer, signal, resolve, reject).start()
  })
}

class Delivery {
  readonly #response: ServerResponse
  readonly #plan: ResponsePlan
  readonly #source: DirectSource
  readonly #transfer: OngoingTransfer
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (transfer: Transfer) => void
  readonly #reject: (error: unknown) => void
  /** The head that was sent is ours. */
  #begun = false
  #over = false
  readonly #cancellation = new Cancellation()
  /** Where the content comes from: read whole, or in pieces. */
  #readAhead: ReadAhead | undefined
  #pieces: Pieces | undefined
  /** A read has the source, which can only be released when that comes back. */
  #reading = false
  /** Ends the wait for a write that will not come back. */
  #wake: (() => void) | undefined
  /** Stops waiting for the response to be over. */
  #forget: (() => void) | undefined
  #forgetSignal: (() => void) | undefined
  #drains = false

  constructor(
    response: NodeResponse,
    { plan, source, transfer, readAhead }: Answer,
    signal: AbortSignal | undefined,
    resolve: (transfer: Transfer) => void,
    reject: (error: unknown) => void,
  ) {
    // Both take the same calls; only their types differ.
    this.#response = response as ServerResponse
    this.#plan = plan
    this.#source = source
    this.#transfer = transfer
    this.#readAhead = readAhead
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const response = this.#response
    if (this.#readAhead) this.#sendWhole(this.#readAhead).catch(this.#fail)
    if (response.headersSent) return this.#fail(alreadyAnswered())
    if (isGone(response)) return this.#end(true)
    this.#forget = whenOver(response, this.#onOver)
    if (this.#signal) {
      if (this.#signal.aborted) return this.#onSignal()
      this.#forgetSignal = whenAborted(this.#signal, this.#onSignal)
    }
    if (this.#readAhead) return
    const turn = whenInTurn(response)
    if (turn) void turn.then(() => this.#send())
    else this.#send()
  }

  #send(): void {
    const response = this.#response
    if (this.#over) return
    if (this.#plan.body.length === 0) {
      try {
        this.#sendHead()
        response.end()
      } catch (error) {
        this.#fail(error)
      }
    } else if (this.#transfer.bytesPlanned <= smallSize && canGather(this.#source)) {
      this.#gather().catch(this.#fail)
    } else {
      this.#sendPieces().catch(this.#fail)
    }
  }

  /** A small answer is read into one buffer and sent with its head, in one write. */
  async #gather(): Promise<void> {
    this.#readAhead = new ReadAhead(this.#plan.body, this.#source)
    return this.#sendWhole(this.#readAhead)
  }

  async #sendWhole({ buffer, reading }: ReadAhead): Promise<void> {
    if (reading) await this.#read(reading)
    if (this.#over) return
    this.#sendHead()
    this.#response.end(buffer.subarray(0, this.#transfer.bytesPlanned))
  }

  /** Any other goes out in pieces, each when the one before is out. */
  async #sendPieces(): Promise<void> {
    const response = this.#response
    const { body } = this.#plan
    // What the streams of an HTTP/2 session hold counts together, and Node refuses further ones at
    // 10 MB: a dozen large pieces that nobody reads.
    const small = (response as NodeResponse) instanceof Http2ServerResponse
    const pieces = toPieces(body, this.#source, () => this.#cancellation.signal, small)
    this.#pieces = pieces
    // The head of the first part waits for content: until then there can still be an error.
    let held: Uint8Array | undefined
    for (let missing = this.#transfer.bytesPlanned; missing > 0;) {
      const next = pieces.next()
      const piece = (next instanceof Promise ? await this.#read(next) : next)!
      if (this.#over) return
      missing -= piece.length
      if (piece === body[0]) {
        held = piece
        continue
      }
      this.#sendHead()
      if (held) response.write(held, this.#count(held.length))
      held = undefined
      if (missing === 0) response.end(piece)
      else if (callsBack(response)) await this.#write(piece)
      else await this.#writeToStranger(pieces.recycles ? Buffer.from(piece) : piece)
      if (this.#over) return
    }
  }

  /** Waits for a read. Should the answer be over by then, the source is released now. */
  async #read<T>(reading: Promise<T>): Promise<T> {
    this.#reading = canGather(this.#source)
    try {
      return await reading
    } finally {
      this.#endRead()
    }
  }

  #endRead(): void {
    const hadSource = this.#reading
    this.#reading = false
    if (this.#over && hadSource) this.#release(true)
  }

  #write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#response.write(piece, this.#count(piece.length, resolve))
    })
  }

  /**
   * Writes through somebody's own `write`: `compression` drops the callback, and keeps the memory for
   * longer than it says.
   */
  #writeToStranger(piece: Uint8Array): Promise<void> {
    const response = this.#response
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#transfer.bytesSent += piece.length
      const flowing: unknown = response.write(piece)
      if (flowing !== false) resolve()
      // One listener for all of them: compression passes it on to a stream that never forgets one.
      else if (!this.#drains) response.on('drain', () => this.#wake?.())
      if (flowing === false) this.#drains = true
    })
  }

  /** A write's callback: counts its bytes and goes on. */
  #count(length: number, next?: () => void): (error?: Error | null) => void {
    return (error) => {
      if (error) return
      this.#transfer.bytesSent += length
      next?.()
    }
  }

  /** Sends the head, if that is still to be done; whoever else has answered or ended is in the way. */
  #sendHead(): void {
    const response = this.#response
    if (response.writableEnded || (response.headersSent && !this.#begun)) throw alreadyAnswered()
    if (this.#begun) return
    this.#begun = true
    this.#transfer.firstByte()
    try {
      writeHead(response, this.#plan)
    } catch (error) {
      // Who has hooked it threw, perhaps before anything was sent. An error page is not what was planned.
      this.#begun = response.headersSent
      if (!this.#begun) for (const name in this.#plan.headers) response.removeHeader(name)
      throw error
    }
  }

  readonly #onOver = (): void => {
    // What was sent may be somebody else's.
    this.#end(!this.#begun || !isSent(this.#response))
  }

  readonly #onSignal = (): void => {
    this.#fail(this.#signal!.reason)
  }

  readonly #fail = (error: unknown): void => {
    if (this.#over) return
    const failure = toError(error)
    this.#transfer.error = failure
    if (this.#begun) cutOff(this.#response)
    this.#end(true, this.#begun ? undefined : failure)
  }

  #end(aborted: boolean, failure?: Error): void {
    // An HTTP/2 stream says that it is over while we reset it.
    if (this.#over) return
    this.#over = true
    this.#forget?.()
    this.#forgetSignal?.()
    if (aborted) this.#cancellation.cancel()
    this.#wake?.()
    if (!this.#reading) this.#release(aborted)
    if (failure) this.#reject(failure)
    else this.#resolve(this.#transfer)
    this.#transfer.finish(aborted)
  }

  #release(aborted: boolean): void {
    // What was aborted may still be on its way through the kernel, and whoever has patched the
    // response may keep what goes through it: let that buffer go.
    if (this.#readAhead && !aborted && callsBack(this.#response)) {
      smallBuffers.give(this.#readAhead.buffer)
    }
    this.#readAhead = undefined
    this.#pieces?.close(!aborted)
    release(this.#source, aborted)
  }
}

/** The response was begun or ended already, by somebody else. */
export function alreadyAnswered(): TypeError {
  return invalidArgument('ERR_HEADERS_SENT', 'Cannot serve: the response has been begun')
}

/** Writes the head of an answer, over what was set on the response before. */
function writeHead(response: ServerResponse, plan: ResponsePlan): void {
  const { status, headers } = plan
  const preset = response.getHeaderNames()
  if (preset.length === 0 && isPlain(response)) {
    // One flat list is the fastest that Node can be told.
    const list: (string | string[])[] = []
    for (const name in headers) list.push(name, headers[name] as string | string[])
    response.writeHead(status, list as unknown as string[])
    return
  }
  for (const name of preset) {
    if (isStale(plan, name)) response.removeHeader(name)
  }
  // Who does not touch the content does not encode it.
  if (callsBack(response)) {
    response.writeHead(status, headers as Record<string, string | string[]>)
    return
  }
  for (const name in headers) response.setHeader(name, headers[name] as string | string[])
  writeThrough(response, () => response.writeHead(status))
}

/**
 * Writes a head through whoever has hooked `writeHead`. Should they encode the content of a whole, as
 * compression does, its entity-tag becomes weak: a strong one is for one coding alone (§8.8.3.3), and
 * the tail of what is not encoded must not be joined to the beginning of what is. Who only takes note
 * of the head now, and sends it with the content, is watched until then.
 */
export function writeThrough<T>(response: ServerResponse, write: () => T): T {
  const own = Object.getOwnPropertyDescriptor(response, 'setHeader')
  const setHeader = response.setHeader.bind(response)
  response.setHeader = (name, value) => {
    setHeader(name, value)
    if (name.toLowerCase() === 'content-encoding') weakenTag(response, setHeader)
    return response
  }
  try {
    return write()
  } finally {
    if (response.headersSent) {
      if (own) Object.defineProperty(response, 'setHeader', own)
      else Reflect.deleteProperty(response, 'setHeader')
    }
  }
}

function weakenTag(response: ServerResponse, setHeader: ServerResponse['setHeader']): void {
  const etag = response.getHeader('ETag')
  if (typeof etag === 'string' && isEntityTag(etag)) setHeader('ETag', weaken(etag))
}

/** The methods that keep nothing, and call back when the bytes are out and not before. */
const reliable = new WeakSet<object>([
  Reflect.get(ServerResponse.prototype, 'write'),
  Reflect.get(ServerResponse.prototype, 'end'),
  Reflect.get(Http2ServerResponse.prototype, 'write'),
  Reflect.get(Http2ServerResponse.prototype, 'end'),
])

/** Whether a response calls back when bytes are out: Node's own do, who patches them may not. */
export function callsBack(response: object): boolean {
  return (
    reliable.has(Reflect.get(response, 'write') as object) &&
    reliable.has(Reflect.get(response, 'end') as object)
  )
}

/** Says that a method passes all it is given on to one that is reliable. */
export function markReliable(method: object): void {
  reliable.add(method)
}

/** Whether nobody has hooked `writeHead`, who may not know of lists. */
function isPlain(response: ServerResponse): boolean {
  return response.writeHead === ServerResponse.prototype.writeHead
}

/** Lets go of a source when an answer is over; of what was aborted, nothing is kept for a next one. */
export function release(source: DirectSource, aborted: boolean): void {
  try {
    const closing: unknown = aborted && source.abandon ? source.abandon() : source.close?.()
    if (closing instanceof Promise) closing.catch(() => {})
  } catch {
    // A source that cannot be closed is its maker's; the answer is over all the same.
  }
}

/** The streams that we reset, which is still to be told to the client. */
const resets = new WeakSet<ServerHttp2Stream>()

/** Who waits for the end of a connection, whose listeners would be one too many for each answer. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls back, once, when all of an answer was handed to the network or nobody will read the rest.
 * Gives back the means to stop waiting.
 */
export function whenOver(response: NodeResponse, callback: () => void): () => void {
  let isWaiting = true
  let leaveSocket = () => {}
  const forget = () => {
    isWaiting = false
    leaveSocket()
  }
  const over = () => {
    if (!isWaiting) return
    forget()
    callback()
  }
  response.once('close', over)
  if (response instanceof Http2ServerResponse) {
    // A stream that is reset while a write is under way says so, and then waits for that for good.
    response.stream.once('aborted', () => {
      if (!resets.has(response.stream)) response.stream.destroy()
      over()
    })
  } else if (!response.socket) {
    // A pipelined answer that waits for its turn has no socket yet, and never closes.
    leaveSocket = whenClosed(response.req.socket, over)
  }
  return forget
}

/** Whether it is an answer's turn on its connection: none asked for before is on its way. */
export function isInTurn(response: NodeResponse): boolean {
  return response instanceof Http2ServerResponse || Boolean(response.socket)
}

/**
 * Waits until it is an answer's turn on its connection, or nobody will read it; `undefined` where it
 * is its turn. Should the answers to pipelined requests be read before, a few bytes of requests would
 * hold a piece of memory each.
 */
export function whenInTurn(response: NodeResponse): Promise<void> | undefined {
  if (isInTurn(response)) return undefined
  return new Promise((resolve) => {
    const leaveSocket = whenClosed(response.req.socket, resolve)
    response.once('socket', () => {
      leaveSocket()
      resolve()
    })
  })
}

function whenClosed(socket: Socket, callback: () => void): () => void {
  let callbacks = waiting.get(socket)
  if (!callbacks) {
    callbacks = new Set()
    waiting.set(socket, callbacks)
    socket.once('close', () => {
      for (const each of waiting.get(socket)!) each()
    })
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}

/** Whether nobody will read what is sent from now on. */
export function isGone(response: NodeResponse): boolean {
  if (response instanceof Http2ServerResponse) {
    const { stream } = response
    return stream === undefined || stream.destroyed || stream.closed
  }
  return response.destroyed || response.req.socket.destroyed
}

/** Whether all of an answer was handed to the network. */
export function isSent(response: NodeResponse): boolean {
  return response.writableFinished
}

/** Ends a connection so that the client cannot take what it has for all there is. */
export function cutOff(response: NodeResponse): void {
  if (response instanceof Http2ServerResponse) {
    resets.add(response.stream)
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  } else {
    response.destroy()
  }
}
