import type { RequestHandler, Response } from 'express'
import { serve, type SendOptions, type Servable, type Transfer } from '@range-serve/core'
import {
  alreadyAnswered,
  dispose,
  OngoingTransfer,
  type RangeServeOptions,
  type SourceError,
  StaticFolder,
  type StaticOptions as CoreStaticOptions,
  type StaticTarget,
  toError,
  validateOptions,
} from '@range-serve/core/adapter'
import { bypassFilter, sendOptionsOf, watchResponse } from './hooks.ts'
import type { Method } from './methods.ts'

export { createServer } from './server.ts'
export type { RangeServeOptions } from '@range-serve/core/adapter'

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- how Express has its types extended
  namespace Express {
    interface Response {
      /**
       * Sends a source: in full, ranges of it, 304, 412 or 416. Responses have it after
       * `app.use(rangeServe())`.
       *
       * Resolves when the response is over, and never rejects: an error before anything was sent goes
       * to `next(error)`, as with `res.sendFile`, and is the transfer's `error`.
       *
       * @throws TypeError or RangeError with a `code`, at the call, if it can never be served
       */
      sendRange(source: Servable, options?: SendOptions): Promise<Transfer>
    }
  }
}

/**
 * Makes every response of known length range-aware, and adds `res.sendRange`.
 *
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeServe())
 * app.get('/report', (req, res) => res.type('pdf').send(buffer)) // resumes, by the filter
 * app.get('/clip', (req, res) => res.sendRange('/srv/clip.mp4')) // reads only what is requested
 */
export function rangeServe(options: RangeServeOptions = {}): RequestHandler {
  validateOptions(options)
  return (request, response, next) => {
    watchResponse(request, response, options, sendRange as Method)
    next()
  }
}

function sendRange(this: Response, source: Servable, own?: SendOptions): Promise<Transfer> {
  const options = sendOptionsOf(this)
  return send(this, source, own ? { ...options, ...own } : options)
}

/** The options of {@link rangeStatic}. */
export type StaticOptions = CoreStaticOptions<Response>

/**
 * Serves a folder, as `express.static` does, with every kind of range. GET and HEAD only.
 *
 * The options of a `rangeServe` before it hold for its responses too, except those that say which files
 * are served: `root`, `dotfiles` and `followSymlinks`.
 *
 * @param root the folder; a relative one is resolved against the working directory
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use('/media', rangeStatic('media', { maxAge: '1d' }))
 */
export function rangeStatic(root: string, options: StaticOptions = {}): RequestHandler {
  const folder = new StaticFolder(root, options)
  return (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      if (options.fallthrough !== false) return next()
      response.status(405).set('Allow', 'GET, HEAD').end()
      return
    }
    const isBegun = response.headersSent
    const fail = (error: unknown) => (folder.fallsThrough(error) ? next() : next(error))
    folder.find(request.url, request.originalUrl, sendOptionsOf(response)).then(
      (target) => {
        if (response.headersSent) {
          closeTarget(target)
          // A response that other code has begun meanwhile is left to that code.
          if (isBegun) next(alreadyAnswered())
          return
        }
        try {
          sendTarget(response, folder, target, fail)
        } catch (error) {
          closeTarget(target)
          if ((error as Partial<SourceError>).code !== 'ERR_HEADERS_SENT') next(error)
        }
      },
      (error: unknown) => {
        // Express ends the connection of a response that other code has begun meanwhile.
        if (isBegun || !response.headersSent || folder.fallsThrough(error)) fail(error)
      },
    )
  }
}

function sendTarget(
  response: Response,
  folder: StaticFolder<Response>,
  target: StaticTarget,
  fail: (error: unknown) => void,
): void {
  if ('redirect' in target) return response.redirect(301, target.redirect)
  folder.decorate(response, target.source, target.filePath)
  void send(response, target.source, folder.sendOptions(sendOptionsOf(response)), fail)
}

function closeTarget(target: StaticTarget): void {
  if ('source' in target) dispose(target.source)
}

function send(
  response: Response,
  source: Servable,
  options: SendOptions,
  fail: (error: unknown) => void = response.req.next ?? (() => {}),
): Promise<Transfer> {
  const { req: request } = response
  // Not before: if this throws, the response stays with its handler and with the filter.
  const sending = serve(request, response, source, options)
  const restore = bypassFilter(response)
  return sending.catch((reason: unknown) => {
    restore()
    const error = toError(reason) as SourceError
    const transfer = new OngoingTransfer(request, undefined)
    Object.assign(transfer, { status: error.status ?? 500, error, aborted: true })
    // A response that other code has begun meanwhile is left to that code.
    if (error.code !== 'ERR_HEADERS_SENT') fail(error)
    return transfer
  })
}
