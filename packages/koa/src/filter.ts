// The filter: what `ctx.body` is when all middleware is done, as a source.

import { ReadStream } from 'node:fs'
import { Stream } from 'node:stream'
import type { ParameterizedContext as Context } from 'koa'
import {
  type ByteStream,
  fromBlob,
  fromBuffer,
  fromStream,
  type SendOptions,
  type Source,
} from '@range-serve/core'
import {
  fromReadStream,
  isBytes,
  isConditional,
  isGone,
  isInTurn,
  isObserved,
  mayBeCut,
  parseContentLength,
  planPassing,
  prepare,
} from '@range-serve/core/adapter'
import { applyAnswer, applyPlan, guardTag } from './answer.ts'

/** What the filter can be told. */
export type FilterOptions = Pick<SendOptions, 'maxRanges' | 'maxSkip' | 'onTransfer'>

/**
 * Makes the answer in a context range-aware, if it can be. Gives a promise only where there is more
 * to do than to say so.
 */
export function filterBody(ctx: Context, options: FilterOptions): Promise<void> | undefined {
  if (!isEligible(ctx)) return undefined
  if (ArrayBuffer.isView(ctx.body)) sendAsBytes(ctx, ctx.body)
  const { body } = ctx
  const observed = isObserved(options)
  if (observed || body instanceof ReadStream) return answerBody(ctx, options)
  if (isConditional(ctx.req)) {
    const bytes = bytesOf(body)
    return bytes ? answerBytes(ctx, bytes, options) : answerBody(ctx, options)
  }
  if (isStream(body) && fieldLength(ctx) === undefined) return undefined
  ctx.res.setHeader('Accept-Ranges', 'bytes')
  if (ctx.res.hasHeader('ETag')) guardTag(ctx.response)
  return undefined
}

/** Answers with bytes that are in memory: nothing to wait for, unless there are several parts. */
function answerBytes(
  ctx: Context,
  bytes: Buffer,
  options: FilterOptions,
): Promise<void> | undefined {
  const field = (name: string) => ctx.res.getHeader(name)
  const plan = planPassing(ctx.req, field, { length: bytes.length, seekable: true }, options)
  if (!plan) return undefined
  const [only] = plan.body
  if (plan.body.length > 1) return answer(ctx, fromBuffer(bytes), options)
  const slice = only && !isBytes(only) ? bytes.subarray(only.firstPos, only.lastPos + 1) : undefined
  applyPlan(ctx, plan, slice)
  return undefined
}

async function answerBody(ctx: Context, options: FilterOptions): Promise<void> {
  const source = (await fromReadStream(ctx.body)) ?? toSource(ctx)
  if (source) await answer(ctx, source, options)
}

async function answer(ctx: Context, source: Source, options: FilterOptions): Promise<void> {
  const set = (name: string) => ctx.res.getHeader(name)
  const context = { set, inTurn: isInTurn(ctx.res), pooled: false }
  const decided = await prepare(ctx.req, source, options, context)
  await applyAnswer(ctx, decided)
}

function isEligible(ctx: Context): boolean {
  const { response, res } = ctx
  const { method } = ctx.req
  if (res.statusCode !== 200 || (method !== 'GET' && method !== 'HEAD')) return false
  // Koa calls the answer to a HEAD over HTTP/2 not writable, and writes it all the same.
  if (ctx.respond === false || res.headersSent || res.writableEnded || isGone(res)) return false
  const { body } = response
  if (body === undefined || body === null) return false
  return mayBeCut((name) => res.getHeader(name))
}

/** Koa takes bytes that are no Buffer for an object to be JSON, and says so. */
function sendAsBytes(ctx: Context, view: ArrayBufferView): void {
  if (Buffer.isBuffer(view)) return
  ctx.body = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  if (ctx.type === 'application/json') ctx.type = 'application/octet-stream'
}

/** The bytes that Koa will send, of a body that is in memory. */
function bytesOf(body: unknown): Buffer | undefined {
  if (Buffer.isBuffer(body)) return body
  if (isStream(body) || body instanceof Blob) return undefined
  const text = typeof body === 'string' ? body : (JSON.stringify(body) as string | undefined)
  return text === undefined ? undefined : Buffer.from(text)
}

/** A body as a source: whatever Koa can send, of known length. */
function toSource(ctx: Context): Source | undefined {
  const { body } = ctx
  if (body instanceof Blob) return fromBlob(body)
  if (!isStream(body)) {
    const bytes = bytesOf(body)
    return bytes && fromBuffer(bytes)
  }
  const stream = body instanceof Response ? body.body : body
  const length = fieldLength(ctx)
  return stream && length !== undefined ? fromStream(stream, { length }) : undefined
}

function fieldLength(ctx: Context): number | undefined {
  return parseContentLength(ctx.res.getHeader('Content-Length'))
}

function isStream(body: unknown): body is ByteStream | Response {
  return body instanceof Stream || body instanceof ReadableStream || body instanceof Response
}
