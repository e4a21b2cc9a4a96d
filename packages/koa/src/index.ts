import type { Middleware, ParameterizedContext as Context } from 'koa'
import type { SendOptions, Servable } from '@range-serve/core'
import {
  expectFramework,
  type RangeServeOptions,
  sendRangeOptions,
  validateServeOptions,
} from '@range-serve/core/adapter'
import { isConditional } from '@range-serve/core/filter'
import type { Applied } from './applied.ts'
import { watchFresh } from './encoding.ts'
import { filterBody } from './filter.ts'
import { getBody } from './prototypes.ts'
import { deliverApplied } from './response.ts'
import { type PendingTransfer, send } from './send.ts'
import { Sending } from './sending.ts'
import { keepState, runsOutermost, type State, stateOf } from './state.ts'

export type { RangeServeOptions } from '@range-serve/core/adapter'
export type { PendingTransfer } from './send.ts'
export {
  type KoaStaticOptions,
  type KoaStoreOptions,
  rangeStatic,
  type StaticFinder,
} from './static.ts'
export {
  coverage,
  fromBlob,
  fromBuffer,
  fromConcat,
  fromFile,
  fromGrowing,
  fromReader,
  fromStream,
} from '@range-serve/core'
export type * from '@range-serve/core'

declare module 'koa' {
  interface DefaultContext {
    /**
     * Responds with a source: the full response, ranges of it, 304, 412 or 416. Added by
     * `app.use(rangeServe())`.
     *
     * Resolves once the response is decided, since Koa sends it when all middleware is done; `finished`
     * resolves with the transfer when the response is over. Another body set later replaces it, and all
     * of its fields.
     *
     * @throws TypeError or RangeError with a `code`, at the call: it can never be served
     * @throws SourceError with `status` and `code`, by rejecting: nothing has been sent
     */
    sendRange(source: Servable, options?: SendOptions): Promise<PendingTransfer>
  }
}

/**
 * Makes every response of known length range-aware, and adds `ctx.sendRange`.
 *
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeServe())
 * app.use((ctx) => { ctx.body = createReadStream('/srv/clip.mp4') }) // can be seeked
 * app.use((ctx) => ctx.sendRange('/srv/clip.mp4')) // with validators: 304, and downloads resume
 */
export function rangeServe(options: RangeServeOptions = {}): Middleware {
  validateServeOptions(options)
  const filters = options.acceptRanges !== false
  const middleware: Middleware = (ctx: Context, next) => {
    expectFramework(next, 'rangeServe', 'koa')
    const state = keepState(ctx, runsOutermost(ctx.app, middleware))
    const outer = state.options
    state.options = options
    provideSendRange(ctx)
    const wasConditional = filters && isConditional(ctx.req)
    if (wasConditional) watchFresh(ctx)
    // The outermost one waits, and filters.
    if (outer && (!filters || outer.acceptRanges !== false)) return next()
    return next().then(
      () => {
        const waiting = state.pending && waitFor(state.pending)
        if (!waiting) return finish(ctx, state, options, wasConditional)
        return waiting.then(() => finish(ctx, state, options, wasConditional))
      },
      (error: unknown) => {
        state.pending?.drop()
        state.applied?.takeBack()
        throw error
      },
    )
  }
  return middleware
}

/** Waits for a call of `sendRange` that the handler did not await, unless it has set a body since. */
function waitFor(sending: Sending): Promise<unknown> | undefined {
  if (sending.isDropped) return undefined
  return !sending.isSettled && sending.isReplaced() ? sending.drop() : sending.settle()
}

/**
 * Completes the response, once all inner middleware is done.
 *
 * @param wasConditional whether the request had a condition when it arrived
 */
function finish(
  ctx: Context,
  state: State,
  options: RangeServeOptions,
  wasConditional: boolean,
): Promise<void> | undefined {
  const filters = options.acceptRanges !== false
  const filtering = filters ? filterResponse(ctx, state, options, wasConditional) : undefined
  if (filtering) return filtering.then(() => deliverApplied(ctx))
  return state.applied && deliverApplied(ctx)
}

function filterResponse(
  ctx: Context,
  { applied }: State,
  options: RangeServeOptions,
  wasConditional: boolean,
): Promise<void> | undefined {
  if (!applied) return filterBody(ctx, options, wasConditional)
  if (!applied.isRestated || ctx.respond === false) {
    if (ctx.status !== applied.plan.status && ctx.status !== 304) applied.takeBack()
    return undefined
  }
  return restate(ctx, applied)
}

/** Adapts a response to a status that was set after it: a part may no longer be valid under it. */
function restate(ctx: Context, { plan }: Applied): Promise<void> | undefined {
  const sent = stateOf(ctx)?.sent
  if (sent) return send(ctx, sent.source, sent.options).then(() => undefined)
  const { status } = ctx
  // Only a full response can have any status. A part of what can be read once cannot become one.
  if (plan.status !== 200 && status === 200) ctx.status = plan.status
  else if (plan.status !== 200) {
    ctx.body = undefined
    ctx.status = status
  }
  return undefined
}

/** Gives contexts `sendRange`: by their prototype, since a property of each costs as much as all else. */
function provideSendRange(ctx: Context): void {
  if (ctx.sendRange === sendRange) return
  const prototype: object = Object.getPrototypeOf(ctx.response.ctx)
  Object.assign(Reflect.has(ctx, 'sendRange') ? ctx : prototype, { sendRange })
}

function sendRange(this: Context, source: Servable, own?: SendOptions): Promise<PendingTransfer> {
  const state = keepState(this)
  const options = sendRangeOptions(state.options, own)
  const earlier = state.pending
  const before = getBody(this.response)
  const isReplaced = () => isBodySince(this, before)
  // A source may be ready before the handler, which does not wait, has returned.
  const isDropped = () => {
    if (!sending?.isAwaited && isReplaced()) sending?.drop()
    return sending?.isDropped === true
  }
  const work = send(this, source, options, earlier, isDropped)
  const sending: Sending | undefined = Sending.of(work, isReplaced)
  state.pending = sending
  state.sent = isReadAgain(source) ? { source, options } : undefined
  return sending
}

/** Whether a body has replaced `before`, and not by another `sendRange`. */
function isBodySince({ response }: Context, before: unknown): boolean {
  const body = getBody(response)
  if (body === undefined || body === null || body === before) return false
  return stateOf(response.ctx)?.applied?.isTakenBack !== false
}

/** Whether a source can be opened a second time. */
function isReadAgain(source: Servable): boolean {
  return (
    typeof source === 'string' ||
    source instanceof URL ||
    source instanceof Uint8Array ||
    source instanceof Blob
  )
}
