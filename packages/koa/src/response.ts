// The last response that a context was given, and its way past Koa.

import type { ParameterizedContext } from 'koa'
import type { SendOptions, Transfer } from '@range-serve/core'
import { alreadyAnswered, defer, isUnpatched, lend, type Prepared } from '@range-serve/core/adapter'
import { Applied } from './applied.ts'
import { watchApplication } from './prototypes.ts'
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
  watchApplication(ctx)
  keepState(ctx).applied = new Applied(ctx, prepared, lent)
  return lent
}

/** Whether a response may be delivered past Koa, once all middleware is done. */
export function isDirect(ctx: ParameterizedContext): boolean {
  return stateOf(ctx)?.isOutermost === true && ctx.req.httpVersionMajor < 2 && isUnpatched(ctx.res)
}

/** Delivers the response of a context, if it is unchanged and has not been read. */
export function deliverApplied(ctx: ParameterizedContext): Promise<void> | undefined {
  const applied = appliedTo(ctx)
  // A method patched since may set fields while Koa responds.
  if (!applied || ctx.respond === false || !isDirect(ctx)) return undefined
  const delivery = applied.deliver()
  if (!delivery) return undefined
  const { respond } = ctx
  ctx.respond = false
  return delivery.catch((error: unknown) => {
    Object.assign(ctx, { respond })
    appliedTo(ctx)?.takeBack()
    throw error
  })
}

/** The response that a context was given last; another may have replaced it. */
export function appliedTo(ctx: ParameterizedContext): Applied | undefined {
  return stateOf(ctx)?.applied
}
