import type { ServerResponse } from 'node:http'
import type { Middleware, ParameterizedContext as Context, Request } from 'koa'
import type { SendOptions, Servable, Transfer } from '@range-serve/core'
import {
  contextOf,
  dispose,
  expectCall,
  expectFramework,
  type FolderOutcome,
  mergeOptions,
  prepare,
  type RangeServeOptions,
  type Mount,
  mountStatic,
  type StaticFinder as CoreStaticFinder,
  type StaticOptions,
  type StoreOptions,
  validateOptionNames,
  validateOptions,
} from '@range-serve/core/adapter'
import { watchFresh } from './encoding.ts'
import { filterBody } from './filter.ts'
import { keepTarget, namesOf, pathBelow } from './mount.ts'
import {
  appliedTo,
  applyPrepared,
  deliverApplied,
  isDirect,
  markOutermost,
  statusSaid,
} from './response.ts'
import { Sending } from './sending.ts'

export type { RangeServeOptions, StaticOptions, StoreOptions } from '@range-serve/core/adapter'
export { fromBlob, fromBuffer, fromFile, fromReader, fromStream } from '@range-serve/core'
export type {
  ByteRange,
  ByteStream,
  ErrorCode,
  FileStats,
  Metadata,
  OpenStream,
  Reader,
  SendOptions,
  Servable,
  Source,
  SourceError,
  StreamMetadata,
  Transfer,
} from '@range-serve/core'

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

/** A transfer under way, and its outcome. */
export interface PendingTransfer extends Transfer {
  /** Resolves when the response is over, however it ended; never rejects. */
  readonly finished: Promise<Transfer>
}

/** The options of the last `rangeServe` on the way of a request. */
const serving = Symbol('range-serve: options')
/** The last call of `sendRange`. */
const pending = Symbol('range-serve: pending')

type Served = Context & { [serving]?: RangeServeOptions; [pending]?: Sending }

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
  expectCall('rangeServe', options)
  validateOptions(options, 'rangeServe')
  const filters = options.acceptRanges !== false
  const middleware: Middleware = (ctx: Served, next) => {
    expectFramework(next, 'rangeServe', 'koa', 'express')
    const outer = ctx[serving]
    if (!outer && ctx.app.middleware[0] === middleware) markOutermost(ctx)
    ctx[serving] = options
    ctx.sendRange = sendRange
    if (filters) watchFresh(ctx)
    // The outermost one waits, and filters.
    if (outer && (!filters || outer.acceptRanges !== false)) return next()
    const finish = () => {
      const filtering = filters ? filterResponse(ctx, options) : undefined
      return filtering ? filtering.then(() => deliverApplied(ctx)) : deliverApplied(ctx)
    }
    return next().then(
      () => {
        const waiting = waitFor(ctx)
        return waiting ? waiting.then(finish) : finish()
      },
      (error: unknown) => {
        ctx[pending]?.drop()
        appliedTo(ctx)?.takeBack()
        throw error
      },
    )
  }
  return middleware
}

/** Waits for a call of `sendRange` that the handler has not waited for, unless it has set a body since. */
function waitFor(ctx: Served): Promise<unknown> | undefined {
  const sending = ctx[pending]
  if (!sending) return undefined
  const isReplaced = !sending.isSettled && ctx.body !== undefined && ctx.body !== null
  return isReplaced ? sending.drop() : sending.settle()
}

function filterResponse(ctx: Served, options: RangeServeOptions): Promise<void> | undefined {
  const applied = appliedTo(ctx)
  if (!applied) return filterBody(ctx, options)
  // A 304, as koa-conditional-get makes of a 200, is still about what was planned.
  if (ctx.status !== applied.plan.status && ctx.status !== 304) applied.takeBack()
  return undefined
}

function sendRange(this: Served, source: Servable, own?: SendOptions): Promise<PendingTransfer> {
  const earlier = this[pending]
  const isDropped = () => sending?.isDropped === true
  const options = mergeOptions(this[serving] ?? {}, own)
  const sending: Sending | undefined = Sending.of(send(this, source, options, earlier, isDropped))
  this[pending] = sending
  return sending
}

/** The options of {@link rangeStatic}. */
export interface KoaStaticOptions extends StaticOptions, Mounted {}
/** The options of {@link rangeStatic} of a function. */
export interface KoaStoreOptions extends StoreOptions, Mounted {}
interface Mounted {
  /** The path that it is mounted at: `'/media'`, percent-encoded or not. Default: the root. */
  readonly prefix?: string
}
/** Finds what to send for a path below the mount; `undefined`: the next middleware. */
export type StaticFinder = CoreStaticFinder<Request>

/**
 * Serves a folder, or any store by a function, with every kind of range. GET and HEAD only.
 *
 * The options of a `rangeServe` before it apply too, except those that say which files there are:
 * `root`, `dotfiles` and `followSymlinks`.
 *
 * @param root the folder, as a path or `file:` URL; a relative path is resolved against the
 *   working directory
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeStatic('media', { prefix: '/media', maxAge: '1d' }))
 * app.use(rangeStatic((path, { ctx }) => bucket.find(path, ctx.state.user), { prefix: '/clips' }))
 */
export function rangeStatic(root: string | URL, options?: KoaStaticOptions): Middleware
export function rangeStatic(find: StaticFinder, options?: KoaStoreOptions): Middleware
export function rangeStatic(
  root: string | URL | StaticFinder,
  options: KoaStaticOptions | KoaStoreOptions = {},
): Middleware {
  expectCall('rangeStatic', root)
  const { prefix = '', ...folderOptions } = mergeOptions({}, options)
  const call =
    typeof root === 'function' ? 'rangeStatic of Koa and a function' : 'rangeStatic of Koa'
  validateOptionNames(call, options)
  const folder = mountStatic<ServerResponse, Request>(root, folderOptions)
  const names = namesOf(prefix)
  return (ctx: Served, next) => {
    // At once: Express 4 waits for no promise.
    expectFramework(next, 'rangeStatic', 'koa', 'express')
    return respond(ctx, next)
  }

  async function respond(ctx: Served, next: () => Promise<unknown>): Promise<unknown> {
    const target = pathBelow(names, ctx.path)
    if (target === undefined) return next()
    const { method } = ctx
    const { headers, rawHeaders } = ctx.req
    const original = keepTarget(ctx)
    const found = { method, headers, rawHeaders, target, original, request: ctx.request }
    const outcome = await folder.find(found, ctx[serving])
    if (await applyOutcome(ctx, folder, outcome)) return next()
    return undefined
  }
}

/** Resolves to whether the next middleware shall respond. */
async function applyOutcome(
  ctx: Served,
  folder: Mount<ServerResponse, Request>,
  outcome: FolderOutcome,
): Promise<boolean> {
  switch (outcome.kind) {
    case 'next':
      return true
    case 'error':
      throw outcome.error
    case 'method-not-allowed':
      ctx.set('Allow', outcome.allow)
      ctx.status = 405
      return false
    case 'redirect':
      ctx.redirect(outcome.location)
      ctx.status = 301
      return false
    case 'file': {
      const { source, filePath, options } = outcome
      try {
        folder.decorate(ctx.res, source, filePath)
      } catch (error) {
        dispose(source)
        throw error
      }
      try {
        await send(ctx, source, options)
        return false
      } catch (error) {
        // It was there a moment ago.
        return applyOutcome(ctx, folder, folder.failed(error))
      }
    }
  }
}

/**
 * @param earlier a call whose response this one replaces, perhaps still under way
 * @param isDropped whether another response is sent by now
 */
function send(
  ctx: Served,
  source: Servable,
  options: SendOptions,
  earlier?: Sending,
  isDropped?: () => boolean,
): Promise<PendingTransfer> {
  keepTarget(ctx)
  const replaced = appliedTo(ctx)
  const isSaid = replaced && ctx.status === replaced.plan.status
  const status = isSaid ? replaced.statusBefore : statusSaid(ctx.response)
  const set = (name: string) => (replaced ? replaced.fieldBefore(name) : ctx.res.getHeader(name))
  const context = { ...contextOf(ctx.res, { status, pooled: isDirect(ctx) }), set }
  return prepare(ctx.req, source, options, context).then(async (prepared) => {
    if (earlier && !earlier.isSettled) await earlier.settle()?.catch(() => {})
    return Object.assign(prepared.transfer, await applyPrepared(ctx, prepared, options, isDropped))
  })
}
