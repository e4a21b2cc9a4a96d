// rangeStatic: a folder or a store, mounted in Koa.

import type { ServerResponse } from 'node:http'
import type { Middleware, ParameterizedContext as Context, Request } from 'koa'
import type {
  StaticFinder as CoreStaticFinder,
  StaticOptions,
  StoreOptions,
} from '@range-serve/core'
import {
  closeUnsent,
  expectFramework,
  type FolderOutcome,
  type Mount,
  mountStatic,
} from '@range-serve/core/adapter'
import { keepTarget, namesOf, pathBelow } from './mount.ts'
import { deliverApplied } from './response.ts'
import { send } from './send.ts'
import { keepState } from './state.ts'

/** The options of {@link rangeStatic}. */
export interface KoaStaticOptions extends StaticOptions, Mounted {}
/** The options of {@link rangeStatic} of a function. */
export interface KoaStoreOptions extends StoreOptions, Mounted {}
interface Mounted {
  /** The path that it is mounted at: `'/media'`, percent-encoded or not. Default: the root. */
  readonly prefix?: string | undefined
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
  const folder = mountStatic<ServerResponse, Request>(root, options, 'koa')
  const { prefix = '' } = options
  const names = namesOf(prefix)
  const middleware: Middleware = (ctx: Context, next) => {
    // At once: Express 4 waits for no promise.
    expectFramework(next, 'rangeStatic', 'koa')
    return respond(ctx, next)
  }
  return middleware

  async function respond(ctx: Context, next: () => Promise<unknown>): Promise<unknown> {
    const target = pathBelow(names, ctx.path)
    if (target === undefined) return next()
    const { method } = ctx
    const { headers, rawHeaders } = ctx.req
    const original = keepTarget(ctx)
    const found = { method, headers, rawHeaders, target, original, request: ctx.request }
    const isOutermost = ctx.app.middleware[0] === middleware
    const state = keepState(ctx, isOutermost)
    const outcome = await folder.find(found, state.options)
    if (await applyOutcome(ctx, folder, outcome)) {
      // What comes next may be outside of the middleware that responds.
      if (isOutermost) state.isOutermost = false
      return next()
    }
    // No other middleware sees the response.
    return isOutermost ? deliverApplied(ctx) : undefined
  }
}

/** Resolves to whether the next middleware is to respond. */
async function applyOutcome(
  ctx: Context,
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
        closeUnsent(source)
        throw error
      }
      try {
        await send(ctx, source, options)
        return false
      } catch (error) {
        // The file was deleted after it was found.
        return applyOutcome(ctx, folder, folder.failed(error))
      }
    }
  }
}
