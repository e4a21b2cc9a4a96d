// What `sendRange` and `rangeStatic` have in common: a source becomes the response of a context.

import type { ParameterizedContext as Context } from 'koa'
import type { SendOptions, Servable, Transfer } from '@range-serve/core'
import { contextOf, prepare } from '@range-serve/core/adapter'
import { keepTarget } from './mount.ts'
import { statusSaid } from './applied.ts'
import { appliedTo, applyPrepared, isDirect } from './response.ts'
import type { Sending } from './sending.ts'

/** A transfer under way, and its outcome. */
export interface PendingTransfer extends Transfer {
  /** Resolves when the response is over, however it ended; never rejects. */
  readonly finished: Promise<Transfer>
}

/**
 * Responds with a source; resolves once that is decided.
 *
 * @param earlier a call whose response this one replaces, perhaps still under way
 * @param isDropped whether another response is sent by now
 */
export function send(
  ctx: Context,
  source: Servable,
  options: SendOptions,
  earlier?: Sending,
  isDropped?: () => boolean,
): Promise<PendingTransfer> {
  keepTarget(ctx)
  const replaced = appliedTo(ctx)
  const isSaid = replaced && ctx.status === replaced.plan.status
  const status = isSaid ? replaced.statusBefore : statusSaid(ctx.response)
  // Asked once the source is open: by then, an earlier call may have set fields of its own.
  const set = (name: string) => {
    const applied = appliedTo(ctx)
    return applied ? applied.fieldBefore(name) : ctx.res.getHeader(name)
  }
  const context = contextOf(ctx.res, { status, pooled: isDirect(ctx), set })
  return prepare(ctx.req, source, options, context).then(async (prepared) => {
    if (earlier && !earlier.isSettled) await earlier.settle()?.catch(() => {})
    // Its body is created when other code reads it.
    const { finished } = await applyPrepared(ctx, prepared, options, isDropped)
    return Object.assign(prepared.transfer, { finished })
  })
}
