import type { Middleware, ParameterizedContext as Context } from 'koa'
import type { ResponsePlan, SendOptions, Servable, Transfer } from '@range-serve/core'
import {
  dispose,
  type FolderOutcome,
  isInTurn,
  mergeOptions,
  prepare,
  type RangeServeOptions,
  StaticFolder,
  type StaticOptions,
  validateOptions,
} from '@range-serve/core/adapter'
import { applyAnswer, replacePlan, retractPlan } from './answer.ts'
import { filterBody } from './filter.ts'

export type { RangeServeOptions, StaticOptions } from '@range-serve/core/adapter'

declare module 'koa' {
  interface DefaultContext {
    /**
     * Answers with a source: whole, ranges of it, 304, 412 or 416. It is there after
     * `app.use(rangeServe())`.
     *
     * Resolves when the answer is decided, since Koa sends it once all middleware is done; `finished`
     * resolves with the transfer when the answer is over.
     *
     * @throws TypeError or RangeError with a `code`, at the call: it can never be served
     * @throws SourceError with `status` and `code`, by rejecting: nothing has been sent
     */
    sendRange(source: Servable, options?: SendOptions): Promise<PendingTransfer>
  }
}

/** A transfer that goes on, and what it will have been. */
export interface PendingTransfer extends Transfer {
  /** Resolves when the answer is over, however it ended; never rejects. */
  readonly finished: Promise<Transfer>
}

/** What the last `rangeServe` on a request's way was told. */
const serving = Symbol('range-serve: options')
/** The plan of an answer that is range-aware already. */
const answered = Symbol('range-serve: answered')

type Served = Context & { [serving]?: RangeServeOptions; [answered]?: ResponsePlan }

/**
 * Makes every answer of known length range-aware, and adds `ctx.sendRange`.
 *
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeServe())
 * app.use((ctx) => { ctx.body = createReadStream('/srv/clip.mp4') }) // seeks, since the filter sees to it
 * app.use((ctx) => ctx.sendRange('/srv/clip.mp4')) // and answers 304, and resumes
 */
export function rangeServe(options: RangeServeOptions = {}): Middleware {
  validateOptions(options)
  const filters = options.acceptRanges !== false
  return (ctx: Served, next) => {
    const outer = ctx[serving]
    ctx[serving] = options
    ctx.sendRange = sendRange
    if (!filters || (outer && outer.acceptRanges !== false)) return next()
    return next().then(
      () => {
        const plan = ctx[answered]
        if (!plan) {
          keepTarget(ctx)
          return filterBody(ctx, options)
        }
        // A 304, as koa-conditional-get makes of a 200, is still about what was planned.
        if (ctx.status !== plan.status && ctx.status !== 304) replacePlan(ctx, plan)
        return undefined
      },
      (error: unknown) => {
        const plan = ctx[answered]
        if (plan) retractPlan(ctx, plan)
        throw error
      },
    )
  }
}

function sendRange(this: Served, source: Servable, own?: SendOptions): Promise<PendingTransfer> {
  return send(this, source, mergeOptions(this[serving] ?? {}, own))
}

/** What {@link rangeStatic} can be told. */
export interface KoaStaticOptions extends StaticOptions {
  /** The path that the folder is mounted at: `'/media'`, percent-encoded or not. Default: the root. */
  readonly prefix?: string
}

/**
 * Serves a folder with every kind of range. GET and HEAD only.
 *
 * What a `rangeServe` before it was told holds for its answers too, except which files there are:
 * `root`, `dotfiles` and `followSymlinks`.
 *
 * @param root the folder; a relative one counts from the working directory
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeStatic('media', { prefix: '/media', maxAge: '1d' }))
 */
export function rangeStatic(root: string, options: KoaStaticOptions = {}): Middleware {
  const { prefix = '', ...folderOptions } = options
  const folder = new StaticFolder(root, folderOptions)
  const mount = namesOf(prefix)
  return async (ctx: Served, next) => {
    const below = pathBelow(mount, ctx.path)
    if (below === undefined) return next()
    const { method } = ctx
    const request = { method, target: below, original: keepTarget(ctx) }
    const outcome = await folder.find(request, ctx[serving])
    if (await applyOutcome(ctx, folder, outcome)) return next()
    return undefined
  }
}

/** Resolves to whether the next middleware shall respond. */
async function applyOutcome(
  ctx: Served,
  folder: StaticFolder,
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

/** The components of a path that a folder is mounted at, decoded. */
function namesOf(prefix: string): string[] {
  const mount = prefix.replace(/^\/+/, '').replace(/\/+$/, '')
  return mount === '' ? [] : mount.split('/').map((name) => decode(name) ?? name)
}

/** What is left of a path below a mount, as it was sent; `undefined` where it is not below it. */
function pathBelow(mount: readonly string[], pathname: string): string | undefined {
  if (!pathname.startsWith('/')) return undefined
  let end = 0
  for (const name of mount) {
    const start = end + 1
    const slash = pathname.indexOf('/', start)
    end = slash === -1 ? pathname.length : slash
    // Component by component: an encoded slash is part of a name.
    if (decode(pathname.slice(start, end)) !== name) return undefined
  }
  return pathname.slice(end)
}

function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component)
  } catch {
    return undefined
  }
}

function send(ctx: Served, source: Servable, options: SendOptions): Promise<PendingTransfer> {
  keepTarget(ctx)
  // Koa's status is 404 until somebody sets one; this alone tells whether somebody has.
  const { _explicitStatus: isSaid } = ctx.response as { _explicitStatus?: boolean }
  const status = isSaid === true ? ctx.status : undefined
  const set = (name: string) => ctx.res.getHeader(name)
  const context = { set, status, inTurn: isInTurn(ctx.res), pooled: false }
  const answer = prepare(ctx.req, source, options, context)
  return answer.then(async (decided) => {
    ctx[answered] = decided.plan
    return Object.assign(decided.transfer, await applyAnswer(ctx, decided, options.signal))
  })
}

/**
 * The request target as the client sent it. Koa keeps it beside the request, where only its own know
 * of it; where that has been rewritten, it is kept on the request as well, under Connect's name.
 */
function keepTarget({ req, originalUrl }: Context): string {
  const request: typeof req & { originalUrl?: string } = req
  if (request.url !== originalUrl) request.originalUrl ??= originalUrl
  return request.originalUrl ?? originalUrl
}
