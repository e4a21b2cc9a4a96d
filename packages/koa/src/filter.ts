// The filter: what `ctx.body` is when all middleware is done, as a source.

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
import { fromReadStream, isConditional, pickPreset, prepareAnswer } from '@range-serve/core/adapter'
import { applyAnswer } from './answer.ts'

/** What the filter can be told. */
export type FilterOptions = Pick<SendOptions, 'maxRanges' | 'maxSkip' | 'onTransfer'>

/** Makes the answer in a context range-aware, if it can be. */
export async function filterBody(ctx: Context, options: FilterOptions): Promise<void> {
  if (!isEligible(ctx)) return
  if (ArrayBuffer.isView(ctx.body) && !Buffer.isBuffer(ctx.body)) sendAsBytes(ctx, ctx.body)

  const file = await fromReadStream(ctx.body)
  if (!file && !isConditional(ctx.req)) {
    if (!isStream(ctx.body) || fieldLength(ctx) !== undefined) ctx.set('Accept-Ranges', 'bytes')
    return
  }
  const source = file ?? toSource(ctx)
  if (!source) return
  const preset = pickPreset(ctx.response.headers)
  const answer = await prepareAnswer(ctx.req, source, options, () => preset)
  await applyAnswer(ctx, answer)
}

function isEligible(ctx: Context): boolean {
  const { method } = ctx
  if (method !== 'GET' && method !== 'HEAD') return false
  if (ctx.respond === false || ctx.headerSent || !ctx.writable) return false
  return (
    ctx.status === 200 &&
    ctx.body !== undefined &&
    ctx.body !== null &&
    field(ctx, 'content-range') === '' &&
    field(ctx, 'transfer-encoding') === '' &&
    field(ctx, 'accept-ranges').toLowerCase() !== 'none' &&
    !/^\s*multipart\/byteranges/i.test(field(ctx, 'content-type'))
  )
}

/** Koa takes bytes that are no Buffer for an object to be JSON, and says so. */
function sendAsBytes(ctx: Context, view: ArrayBufferView): void {
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
  const value = field(ctx, 'content-length')
  return /^\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined
}

/** A field of the answer so far; empty where there is none, which Koa 2 and 3 tell differently. */
function field(ctx: Context, name: string): string {
  return String(ctx.response.headers[name] ?? '')
}

function isStream(body: unknown): body is ByteStream | Response {
  return body instanceof Stream || body instanceof ReadableStream || body instanceof Response
}
