// The filter: what `ctx.body` is once all inner middleware is done, made range-aware.

import { ReadStream } from 'node:fs'
import type { ParameterizedContext as Context } from 'koa'
import { fromBlob, fromStream, type Source } from '@range-serve/core'
import { advertise, type RangeServeOptions } from '@range-serve/core/adapter'
import {
  discardFeeders,
  fromReadStream,
  isConditional,
  isGone,
  isObserved,
  mayBeCut,
  parseContentLength,
  preparePassing,
} from '@range-serve/core/filter'
import { isInMemory, kindOf } from './body.ts'
import { guardTag, tagEncoding } from './encoding.ts'
import { takesFields } from './fields.ts'
import { decideAtEnd } from './memory.ts'
import { keepTarget } from './mount.ts'
import { applyPrepared, isDirect } from './response.ts'
import { endSmall } from './small.ts'

/**
 * Makes the response of a context range-aware, if it can be. Returns a promise only if it must wait.
 *
 * @param wasConditional whether the request had a condition when it arrived
 */
export function filterBody(
  ctx: Context,
  options: RangeServeOptions,
  wasConditional: boolean,
): Promise<void> | undefined {
  if (isFull(ctx, options, wasConditional)) {
    const body: unknown = ctx.response.body
    if (isInMemory(body) && advertise(ctx.res, undefined)) {
      if (Buffer.isBuffer(body)) endSmall(ctx)
      return undefined
    }
  }
  const names = ctx.res.getHeaderNames()
  if (!isEligible(ctx, names)) return undefined
  const isPlain = !isConditional(ctx.req, wasConditional) && !isObserved(options)
  const given: unknown = ctx.response.body
  if (given instanceof ReadStream) {
    return isGone(ctx.res) ? undefined : filterFile(ctx, given, options)
  }
  if (ArrayBuffer.isView(given) && !Buffer.isBuffer(given)) sendAsBytes(ctx, given)
  const body = kindOf(ctx)
  if (body.kind === 'memory') {
    markRanges(ctx, names)
    if (!isPlain) decideAtEnd(ctx, options, isMemoryEligible)
    return undefined
  }
  if (body.kind === 'none' || isGone(ctx.res)) return undefined
  const length = body.kind === 'blob' ? body.blob.size : lengthOf(ctx)
  if (length === undefined) tagEncoding(ctx)
  if (length === undefined || (body.kind === 'stream' && !body.stream)) return undefined
  if (isPlain && ctx.req.method !== 'HEAD') {
    markRanges(ctx, names)
    // Koa destroys the stream if the client leaves, and what is piped into it would stay open.
    if (body.kind === 'stream') discardFeeders(body.stream)
    return undefined
  }
  const source = body.kind === 'blob' ? fromBlob(body.blob) : fromStream(body.stream!, { length })
  return filterSource(ctx, source, options)
}

/** Whether a response is the full one, and nothing observes it. */
function isFull(
  { req, res, respond }: Context,
  options: RangeServeOptions,
  wasConditional: boolean,
): boolean {
  return (
    res.statusCode === 200 &&
    req.method === 'GET' &&
    respond !== false &&
    !isConditional(req, wasConditional) &&
    !isObserved(options)
  )
}

function isEligible(ctx: Context, names: readonly string[]): boolean {
  const { req, res } = ctx
  if (res.statusCode !== 200 || (req.method !== 'GET' && req.method !== 'HEAD')) return false
  // Koa calls the response to a HEAD over HTTP/2 not writable, and writes it all the same.
  if (ctx.respond === false || res.headersSent || res.writableEnded) return false
  return mayBeCut((name) => res.getHeader(name), names)
}

function isMemoryEligible(ctx: Context): boolean {
  return (
    isEligible(ctx, ctx.res.getHeaderNames()) && !isGone(ctx.res) && kindOf(ctx).kind === 'memory'
  )
}

/**
 * Advertises ranges on a full response, unless a patched `setHeader` throws.
 *
 * @param names of the fields that are set, in lower case
 */
function markRanges({ response, res }: Context, names: readonly string[]): void {
  try {
    res.setHeader('Accept-Ranges', 'bytes')
  } catch {
    // It is sent without.
  }
  if (names.includes('etag') || names.includes('vary')) guardTag(response)
}

/** Koa takes bytes other than a Buffer for an object, and sets the type of JSON. */
function sendAsBytes(ctx: Context, view: ArrayBufferView): void {
  ctx.body = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  if (ctx.type === 'application/json') ctx.type = 'application/octet-stream'
}

function lengthOf({ res }: Context): number | undefined {
  return parseContentLength(res.getHeader('Content-Length'))
}

/** A file stream is read from the first requested byte, and knows its length. */
async function filterFile(
  ctx: Context,
  stream: ReadStream,
  options: RangeServeOptions,
): Promise<void> {
  let source: Source | undefined
  try {
    source = await fromReadStream(stream, options.reads)
  } catch (error) {
    // Koa 2 got the error from the stream itself, and has responded.
    if (ctx.res.writableEnded) return
    throw error
  }
  const length = lengthOf(ctx)
  if (!source && kindOf(ctx).kind === 'stream' && length !== undefined) {
    const isPlain = !isConditional(ctx.req) && !isObserved(options) && ctx.method !== 'HEAD'
    if (isPlain) markRanges(ctx, ctx.res.getHeaderNames())
    else source = fromStream(stream, { length })
  }
  if (source) await filterSource(ctx, source, options)
}

/** Sends a source, or what is requested of it, in place of the body that it was made of. */
async function filterSource(
  ctx: Context,
  source: Source,
  options: RangeServeOptions,
): Promise<void> {
  keepTarget(ctx)
  const { req, res } = ctx
  const prepared = preparePassing(req, res, source, options, { pooled: isDirect(ctx) })
  if (!prepared || !takesFields(res, prepared.plan)) return
  // Koa 3 destroys a stream at once if bytes replace it.
  await applyPrepared(ctx, prepared, { asStream: source.seekable === false })
}
