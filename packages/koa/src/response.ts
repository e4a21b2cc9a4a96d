// The last response that a context was given, and its way past Koa.

import type { ParameterizedContext } from 'koa'
import type { SendOptions, Transfer } from '@range-serve/core'
import { alreadyAnswered, defer, isUnpatched, lend, type Prepared } from '@range-serve/core/adapter'
import { Applied } from './applied.ts'
import { keepState, stateOf } from './state.ts'

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

/** Whether a response may be delivered past Koa, once all middleware is done. */
export function isDirect(ctx: ParameterizedContext): boolean {
  return stateOf(ctx)?.isOutermost === true && ctx.req.httpVersionMajor < 2 && isUnpatched(ctx.res)
}

/** Delivers the response of a context, if it is still what was given and has not been read. */
export function deliverApplied(ctx: ParameterizedContext): Promise<void> | undefined {
  const applied = appliedTo(ctx)
  // What was patched since may set fields as Koa responds.
  if (!applied || ctx.respond === false || !isDirect(ctx)) return undefined
  const delivery = applied.deliver()
  if (!delivery) return undefined
  const { respond } = ctx
  ctx.respond = false
  return delivery.catch((error: unknown) => {
    ctx.respond = respond as boolean
    appliedTo(ctx)?.takeBack()
    throw error
  })
}

/** The response that a context was given last; another may have taken its place. */
export function appliedTo(ctx: ParameterizedContext): Applied | undefined {
  return stateOf(ctx)?.applied
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
function ignoreLeaving(ctx: ParameterizedContext, applied: Applied): void {
  const state = keepState(ctx)
  const isPatched = state.applied !== undefined
  state.applied = applied
  if (isPatched) return
  const report = ctx.onerror.bind(ctx)
  let reported: unknown
  ctx.onerror = (error: NodeJS.ErrnoException) => {
    const { isTakenBack, transfer } = state.applied!
    const hasLeft = ctx.headerSent && leaving.has(error?.code ?? '')
    if (hasLeft && !transfer.error && !isTakenBack) return
    if (error && error === reported) return
    reported = error
    report(error)
  }
}
