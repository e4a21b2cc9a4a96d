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
  isConditional,
  isGone,
  isInTurn,
  isObserved,
  mayBeCut,
  pickPreset,
  prepareAnswer,
} from '@range-serve/core/adapter'
import { applyAnswer } from './answer.ts'

/** What the filter can be told. */
export type FilterOptions = Pick<SendOptions, 'maxRanges' | 'maxSkip' | 'onTransfer'>

/**
 * Makes the answer in a context range-aware, if it can be. Gives a promise only where there is more
 * to do than to say so.
 */
export function filterBody(ctx: Context, options: FilterOptions): Promise<void> | undefined {
  if (!isEligible(ctx)) return undefined
  const { body } = ctx
  if (body instanceof ReadStream || isConditional(ctx.req) || isObserved(options)) {
    return answerBody(ctx, options)
  }
  if (ArrayBuffer.isView(body)) sendAsBytes(ctx, body)
  if (!isStream(body) || fieldLength(ctx) !== undefined) ctx.res.setHeader('Accept-Ranges', 'bytes')
  return undefined
}

async function answerBody(ctx: Context, options: FilterOptions): Promise<void> {
  if (ArrayBuffer.isView(ctx.body)) sendAsBytes(ctx, ctx.body)
  const source = (await fromReadStream(ctx.body)) ?? toSource(ctx)
  if (!source) return
  const preset = pickPreset(ctx.response.headers)
  const answer = await prepareAnswer(ctx.req, source, options, () => preset, isInTurn(ctx.res))
  await applyAnswer(ctx, answer)
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

/** A body as a source: whatever Koa can send, of known length. */
function toSource(ctx: Context): Source | undefined {
  const { body } = ctx
  if (typeof body === 'string') return fromBuffer(Buffer.from(body))
  if (body instanceof Uint8Array) return fromBuffer(body)
  if (body instanceof Blob) return fromBlob(body)
  if (!isStream(body)) {
    const json = JSON.stringify(body) as string | undefined
    return json === undefined ? undefined : fromBuffer(Buffer.from(json))
  }
  const stream = body instanceof Response ? body.body : body
  const length = fieldLength(ctx)
  return stream && length !== undefined ? fromStream(stream, { length }) : undefined
}

/** What Content-Length says, where it says anything. */
function fieldLength(ctx: Context): number | undefined {
  const value = String(ctx.res.getHeader('Content-Length'))
  return /^\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined
}

function isStream(body: unknown): body is ByteStream | Response {
  return body instanceof Stream || body instanceof ReadableStream || body instanceof Response
}
