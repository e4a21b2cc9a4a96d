// The last response that a context was given, and its way past Koa.

import type { ParameterizedContext } from 'koa'
import type { SendOptions, Transfer } from '@range-serve/core'
import { alreadyAnswered, defer, isUnpatched, lend, type Prepared } from '@range-serve/core/adapter'
import { Applied } from './applied.ts'

/** What is kept of a response, on its context. */
interface Known extends ParameterizedContext {
  [last]?: Applied
  [outermost]?: boolean
}
const last: unique symbol = Symbol('range-serve: applied')
const outermost: unique symbol = Symbol('range-serve: outermost')

/**
 * Gives Koa a prepared response.
 *
 * @param isDropped whether another response is sent instead
 * @throws the source's error, by rejecting, if it fails before anything is sent
 */
export async function applyPrepared(
  ctx: ParameterizedContext,
  prepared: Prepared,
  { signal, asStream }: Pick<SendOptions, 'signal'> & { readonly asStream?: boolean },
  isDropped?: () => boolean,
): Promise<{ finished: Promise<Transfer> }> {
  const context = { signal, response: ctx.res, asStream }
  const { isReadAtRandom, length } = prepared.content
  const mayDefer = isReadAtRandom && length > 0 && isDirect(ctx)
  const lent = mayDefer ? defer(prepared, context) : await lend(prepared, context)
  if (ctx.headerSent || isDropped?.() === true) {
    lent.withdraw()
    throw alreadyAnswered()
  }
  appliedTo(ctx)?.takeBack()
  ignoreLeaving(ctx, new Applied(ctx, prepared, lent))
  return lent
}

/** Notes that no middleware is outside of ours: no other code sees the body when all is done. */
export function markOutermost(ctx: Known): void {
  ctx[outermost] = true
}

/** Whether a response may be delivered past Koa, once all middleware is done. */
export function isDirect(ctx: ParameterizedContext): boolean {
  return (ctx as Known)[outermost] === true && ctx.req.httpVersionMajor < 2 && isUnpatched(ctx.res)
}

/** Delivers the response of a context, if it is still what was given and has not been read. */
export function deliverApplied(ctx: ParameterizedContext): Promise<void> | undefined {
  // What was patched since may set fields as Koa responds.
  if (ctx.respond === false || !isDirect(ctx)) return undefined
  const delivery = appliedTo(ctx)?.deliver()
  if (!delivery) return undefined
  const { respond } = ctx
  ctx.respond = false
  return delivery.catch((error: unknown) => {
    ctx.respond = respond as boolean
    appliedTo(ctx)!.takeBack()
    throw error
  })
}

/** The response that a context was given last; another may have taken its place. */
export function appliedTo(ctx: ParameterizedContext): Applied | undefined {
  return (ctx as Known)[last]
}

const leaving = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/**
 * Koa reports it as an error when a client leaves, with a stack for each seek in a video; and Koa 2
 * reports the error of a stream a second time if it ends the stream that reads it.
 */
function ignoreLeaving(ctx: Known, applied: Applied): void {
  const isPatched = ctx[last] !== undefined
  ctx[last] = applied
  if (isPatched) return
  const report = ctx.onerror.bind(ctx)
  let reported: unknown
  ctx.onerror = (error: NodeJS.ErrnoException) => {
    const { isTakenBack, transfer } = ctx[last]!
    const hasLeft = ctx.headerSent && leaving.has(error?.code ?? '')
    if (hasLeft && !transfer.error && !isTakenBack) return
    if (error && error === reported) return
    reported = error
    report(error)
  }
}
