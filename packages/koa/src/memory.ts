// Bodies in memory: text, bytes, JSON. Other middleware sees them unchanged and may replace them, so
// which part of them is sent is decided only when Koa sends them.

import { AsyncResource } from 'node:async_hooks'
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { ParameterizedContext as Context } from 'koa'
import type { ResponsePlan } from '@range-serve/core'
import { applyFields, OngoingTransfer, type RangeServeOptions } from '@range-serve/core/adapter'
import {
  Cut,
  isConditional,
  isGone,
  isObserved,
  parseContentLength,
  planPassing,
  whenOver,
} from '@range-serve/core/filter'
import { takesFields } from './fields.ts'
import { keepTarget } from './mount.ts'

/** Content as Koa passes it to `end`; a HEAD has none. */
interface Given {
  readonly length: number
  readonly content?: string | Buffer
}

/**
 * Decides the response when Koa ends it with its content.
 *
 * @param isEligible whether the response, as it is by then, may be made a range
 */
export function decideAtEnd(
  ctx: Context,
  options: RangeServeOptions,
  isEligible: (ctx: Context) => boolean,
): void {
  const res: ServerResponse = ctx.res
  const end: typeof res.end = Reflect.get(res, 'end')
  const isOwn = Object.hasOwn(res, 'end')
  const unlock = isConditional(ctx.req) ? lockEncoding(ctx, options) : undefined
  const tell = isObserved(options) ? teller(ctx, options) : undefined
  let isDone = false

  const decide = (...args: unknown[]): typeof res => {
    const send = (...own: unknown[]): typeof res => Reflect.apply(end, res, own)
    // Other code may have patched `end` on top of this, and call it again.
    if (isDone) return send(...args)
    isDone = true
    if (res.end === decide) {
      if (isOwn) res.end = end
      else Reflect.deleteProperty(res, 'end')
    }
    if (!res.headersSent) unlock?.()
    const given = isEligible(ctx) ? givenTo(ctx, args) : undefined
    const plan = given && planOf(ctx, options, given.length)
    if (!plan || !takesFields(res, plan)) return send(...args)
    const rollBack = applyHead(ctx, plan)
    tell?.(plan, given.length)
    try {
      if (plan.status === 200 || given.content === undefined) return send(...args)
      const callback = args.findLast((each) => typeof each === 'function')
      const content = contentOf(plan, given.content)
      return callback ? send(content, callback) : send(content)
    } catch (error) {
      rollBack()
      throw error
    }
  }
  res.end = decide
}

/** What Koa ends a response with: all of the body, under its own length. */
function givenTo(ctx: Context, [chunk]: readonly unknown[]): Given | undefined {
  const length = parseContentLength(ctx.res.getHeader('Content-Length'))
  if (length === undefined) return undefined
  if (ctx.req.method === 'HEAD') return { length }
  const isContent = typeof chunk === 'string' || Buffer.isBuffer(chunk)
  return isContent && Buffer.byteLength(chunk) === length ? { length, content: chunk } : undefined
}

function planOf(
  ctx: Context,
  options: RangeServeOptions,
  length: number,
): ResponsePlan | undefined {
  return planPassing(ctx.req, (name) => ctx.res.getHeader(name), { length }, options)
}

function applyHead({ req, res }: Context, plan: ResponsePlan): () => void {
  const { statusCode } = res
  // HTTP/2 has none, and Node warns of each use.
  const message = req.httpVersionMajor < 2 ? res.statusMessage : undefined
  const rollBack = applyFields(res, plan)
  res.statusCode = plan.status
  if (message !== undefined && plan.status !== 200) res.statusMessage = STATUS_CODES[plan.status]!
  return () => {
    rollBack()
    res.statusCode = statusCode
    if (message !== undefined) res.statusMessage = message
  }
}

/** The segments of a plan: a slice in the memory of the body, several in one buffer. */
function contentOf({ body }: ResponsePlan, content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const pieces = new Cut(body).push(bytes)
  const [only] = pieces
  return pieces.length === 1 && Buffer.isBuffer(only) ? only : Buffer.concat(pieces)
}

/**
 * Keeps middleware from encoding the content of what will be a 206, 304, 412 or 416: encoded, it has no
 * length and would be sent whole. Returns a function that undoes that.
 */
function lockEncoding(ctx: Context, options: RangeServeOptions): (() => void) | undefined {
  const { res } = ctx
  const length = lengthOf(ctx.body)
  const plan = length === undefined ? undefined : planOf(ctx, options, length)
  if (!plan || plan.status === 200) return undefined
  const before = res.getHeader('Cache-Control')
  const locked = before === undefined ? 'no-transform' : `${String(before)}, no-transform`
  if (!takesFields(res, { status: 200, headers: { 'Cache-Control': locked } })) return undefined
  res.setHeader('Cache-Control', locked)
  return () => {
    if (res.getHeader('Cache-Control') !== locked) return
    if (before === undefined) res.removeHeader('Cache-Control')
    else res.setHeader('Cache-Control', before)
  }
}

/** The length that a body has now. */
function lengthOf(body: unknown): number | undefined {
  if (Buffer.isBuffer(body)) return body.length
  try {
    return Buffer.byteLength(typeof body === 'string' ? body : JSON.stringify(body))
  } catch {
    // Koa will report it.
    return undefined
  }
}

/** Reports a transfer once the response is over, in the asynchronous context of the request. */
function teller(
  ctx: Context,
  options: RangeServeOptions,
): (plan: ResponsePlan, length: number) => void {
  keepTarget(ctx)
  const { res } = ctx
  const transfer = new OngoingTransfer(ctx.req, options.onTransfer)
  return AsyncResource.bind((plan: ResponsePlan, length: number) => {
    transfer.start(plan, length)
    transfer.firstByte()
    const finish = AsyncResource.bind((sent: boolean) =>
      transfer.finish(!sent || res.statusCode !== plan.status),
    )
    if (isGone(res)) finish(false)
    else whenOver(res, finish)
  })
}
