// The filter: the head of a response, seen as it is written, decides what becomes of its content.
//
//   writeHead ─▶ eligible? ─▶ plan ─▶ the head that is sent
//   end(content) at once ─▶ cut on the spot
//   write, write, …, end ─▶ a CutStream

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { ResponsePlan } from '@range-serve/core'
import {
  type FieldLookup,
  isUnpatched,
  OngoingTransfer,
  type RangeServeOptions,
} from '@range-serve/core/adapter'
import { Cut, cutOff, isObserved, parseContentLength, planPassing } from '@range-serve/core/filter'
import { type Callback, isContent, lookUp, parseContent, parseHead, toBytes } from './arguments.ts'
import { CutStream } from './cut-stream.ts'
import {
  applyPlan,
  declaredLength,
  isReason,
  missingFields,
  noteLength,
  tagEncoding,
  type WriteHead,
  writeWith,
} from './head.ts'
import type { NotModified } from './fresh.ts'
import { settleTag, strongTag, type Tagged, weakenTag } from './hash-tag.ts'
import { isTopmost, type Methods, setStatus } from './methods.ts'
import { Outlet } from './outlet.ts'
import type { PipedSources } from './sources.ts'

/** What is known of the response. */
interface Watched extends Tagged {
  readonly request: IncomingMessage
  readonly options: RangeServeOptions
  readonly notModified: NotModified | undefined
}

/** The filter of one response, which may have to differ from what its handler sends. */
export class Filter {
  readonly #watch: Watched
  readonly #response: ServerResponse
  readonly #below: Methods
  readonly #sources: PipedSources
  readonly #outlet: Outlet
  /** The head has been written, and the content must match it. */
  #decided = false
  /** How the content is cut, if it is. */
  #cut: Cut | undefined
  /** The Content-Length of a part, until the head is written. */
  #partLength: number | undefined
  #stream: CutStream | undefined
  /** The full content, if `end` was given it at once. */
  #content: Uint8Array | undefined
  /** The handler has ended the response. */
  #ended = false

  constructor(watch: Watched, response: ServerResponse, below: Methods, sources: PipedSources) {
    this.#watch = watch
    this.#response = response
    this.#below = below
    this.#sources = sources
    this.#outlet = new Outlet(response, below)
  }

  get #isHead(): boolean {
    return this.#watch.request.method === 'HEAD'
  }

  /** `response.write(...args)` */
  write(args: unknown[]): unknown {
    const response = this.#response
    const { chunk, encoding, callback } = parseContent(args)
    // Node throws for invalid content, with nothing sent, and for what comes after the end.
    if (!isContent(chunk)) return this.#below.write.apply(response, args)
    if (this.#ended) return this.#writeAfterEnd(args, callback)
    this.#sendHead()
    const cut = this.#cut
    if (!cut) return this.#outlet.passWrite(args, Buffer.byteLength(chunk, encoding), callback)
    this.#stream ??= new CutStream(cut, this.#outlet, this.#sources)
    if (this.#stream.destroyed) return this.#below.write.apply(response, args)
    return this.#stream.accept(chunk, encoding, callback)
  }

  /** `response.end(...args)` */
  end(args: unknown[]): unknown {
    const response = this.#response
    const { chunk, encoding, callback } = parseContent(args)
    const isEmpty = chunk === undefined || chunk === null
    if (!isEmpty && !isContent(chunk)) return this.#below.end.apply(response, args)
    const content = isEmpty ? undefined : toBytes(chunk, encoding)
    if (!this.#decided && response.statusCode === 200 && !response.headersSent) {
      this.#content = content ?? (this.#isHead ? undefined : new Uint8Array(0))
      noteLength(response, content?.length ?? 0)
      this.#sendHead()
    }
    const isRepeated = this.#ended
    const hasEnded = isRepeated || this.#stream?.hasEnded === true
    this.#ended = true
    if (!this.#cut) return this.#outlet.passEnd(args, content, callback)
    if (this.#stream?.destroyed || (isRepeated && response.writableEnded)) {
      return this.#below.end.apply(response, args)
    }
    if (hasEnded) {
      if (callback) whenFinished(response, callback)
    } else if (this.#stream) {
      this.#stream.finish(content, callback)
    } else {
      this.#sendSlice(this.#cut, content, callback)
    }
    return response
  }

  /** Content that was given at once is cut on the spot. */
  #sendSlice(cut: Cut, content: Uint8Array | undefined, callback: Callback | undefined): void {
    const pieces = content ? cut.push(content) : []
    // The handler promised more than it gave.
    if (cut.done) this.#outlet.end(pieces, callback)
    else cutOff(this.#response)
  }

  #writeAfterEnd(args: unknown[], callback: Callback | undefined): unknown {
    const response = this.#response
    if (response.writableEnded) return this.#below.write.apply(response, args)
    // Some of the content still waits, so the response is not ended below.
    const error = Object.assign(new Error('write after end'), {
      code: 'ERR_STREAM_WRITE_AFTER_END',
    })
    process.nextTick(() => {
      response.emit('error', error)
      callback?.(error)
    })
    return false
  }

  /**
   * Writes the head, through all hooks of `writeHead`, so that it is decided what follows. Patched
   * methods below may still set fields, as they could without the filter: Node writes the head then.
   */
  #sendHead(): void {
    const response = this.#response
    if (this.#decided || response.headersSent) return
    const { statusCode } = response
    const isDeferred = statusCode === 200 && !this.#outlet.isPlain && isTopmost(response)
    if (isDeferred) this.writeHead([statusCode], setStatus)
    else response.writeHead(statusCode)
  }

  /** `response.writeHead(...args)`: decides about the response. */
  writeHead(args: unknown[], write: WriteHead): unknown {
    const response = this.#response
    const { notModified, tag } = this.#watch
    if (Number(args[0]) === 304 && notModified && !this.#decided && !response.headersSent) {
      return this.#writeNotModified(args, write, notModified)
    }
    if (this.#decided || response.headersSent || Number(args[0]) !== 200) {
      if (!this.#decided && Number(args[0]) !== 304) weakenTag(response, tag)
      this.#decided = true
      if (this.#isAltered(args)) cutOff(response)
      return write(response, args)
    }
    const { fields, reason = response.statusMessage } = parseHead(args)
    const field = lookUp(response, fields)
    const seekable = this.#content !== undefined
    const length = declaredLength(response, field, seekable || !this.#isHead)
    settleTag(response, this.#watch, field, length)
    const plan = length === undefined ? undefined : this.#plan(field, length, seekable)
    this.#decided = true
    if (length === undefined) return writeWith(response, args, tagEncoding(response), write)
    if (!plan) {
      weakenTag(response, tag)
      return write(response, args)
    }
    const isFull = plan.status === 200
    let retract: (() => void) | undefined
    let result: unknown
    try {
      if (!isFull && isReason(reason)) retract = applyPlan(response, plan, fields)
      if (isFull) {
        const additions = missingFields(field, this.#isHead, length, this.#watch)
        result = writeWith(response, args, additions, write)
      } else if (retract) {
        this.#cut = new Cut(plan.body)
        if (plan.status === 206)
          this.#partLength = parseContentLength(response.getHeader('Content-Length'))
        result = write(response, [plan.status, STATUS_CODES[plan.status]])
      } else {
        result = write(response, args)
      }
    } catch (error) {
      this.#rollBack(retract)
      throw error
    }
    const whole = { status: 200, body: [{ firstPos: 0, lastPos: length - 1 }] }
    this.#observe(isFull || retract ? plan : whole, length)
    return result
  }

  #plan(field: FieldLookup, length: number, seekable: boolean): ResponsePlan | undefined {
    const { request, options, tag: made } = this.#watch
    const content = { length, seekable, etag: strongTag(field, length, made) }
    const isEncodable = 'if-none-match' in request.headers && !isUnpatched(this.#response)
    return planPassing(request, field, content, { ...options, isEncodable })
  }

  /** A 304 that the handler makes, or `res.send`, since `req.fresh` was true. */
  #writeNotModified(
    args: unknown[],
    write: WriteHead,
    { before, etag, length }: NotModified,
  ): unknown {
    const response = this.#response
    this.#decided = true
    if (etag !== undefined && response.getHeader('ETag') === before)
      response.setHeader('ETag', etag)
    const result = write(response, args)
    this.#observe({ status: 304, body: [] }, length)
    return result
  }

  /** Whether code below has made other content of a part, which is a part of nothing then. */
  #isAltered(args: unknown[]): boolean {
    if (this.#partLength === undefined || this.#response.headersSent) return false
    const field = lookUp(this.#response, parseHead(args).fields)
    return parseContentLength(field('content-length')) !== this.#partLength
  }

  /** The head could not be written: what is sent instead is not what was planned. */
  #rollBack(retract: (() => void) | undefined): void {
    if (this.#response.headersSent) return
    retract?.()
    this.#decided = false
    this.#cut = undefined
    this.#partLength = undefined
    this.#content = undefined
    this.#ended = false
  }

  #observe(plan: Pick<ResponsePlan, 'status' | 'body'>, length: number): void {
    const { request, options } = this.#watch
    if (!isObserved(options)) return
    const transfer = new OngoingTransfer(request, options.onTransfer)
    transfer.start(plan, length)
    void this.#outlet.observe(transfer)
  }
}

/** Calls back after the callbacks of writes, which may still be to come. */
function whenFinished(response: ServerResponse, callback: Callback): void {
  if (response.writableFinished) process.nextTick(callback)
  else response.once('finish', () => process.nextTick(callback))
}
