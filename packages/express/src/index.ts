import type { NextFunction, Request, RequestHandler, Response } from 'express'
import {
  serve,
  type SendOptions,
  type Servable,
  type StaticFinder as CoreStaticFinder,
  type StaticOptions as CoreStaticOptions,
  type StoreOptions as CoreStoreOptions,
  type Transfer,
} from '@range-serve/core'
import {
  alreadyAnswered,
  closeUnsent,
  expectFramework,
  type FolderOutcome,
  type Mount,
  mountStatic,
  OngoingTransfer,
  type RangeServeOptions,
  sendRangeOptions,
  validateServeOptions,
} from '@range-serve/core/adapter'
import { codeOf } from '@range-serve/core/sources'
import { bypassFilter, sendOptionsOf, watchResponse } from './hooks.ts'

export { createServer } from './server.ts'
export type { RangeServeOptions } from '@range-serve/core/adapter'
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

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- how Express has its types extended
  namespace Express {
    interface Response {
      /**
       * Sends a source: in full, ranges of it, 304, 412 or 416. Responses have it after
       * `app.use(rangeServe())`.
       *
       * Resolves when the response is over, and never rejects or throws: an error before anything was
       * sent goes to `next(error)`, as with `res.sendFile`, and is the transfer's `error`. So does the
       * TypeError or RangeError, with a `code`, of a call that can never be served.
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
  validateServeOptions(options)
  return (request, response, next) => {
    expectFramework(next, 'rangeServe', 'express')
    watchResponse(request, response, options, sendRange)
    next()
  }
}

function sendRange(this: Response, source: Servable, own?: SendOptions): Promise<Transfer> {
  return send(this, source, () => {
    // What is over is not watched any longer.
    const options = sendOptionsOf(this) ?? (this.headersSent ? {} : undefined)
    return sendRangeOptions(options, own)
  })
}

/** The options of {@link rangeStatic}. */
export type StaticOptions = CoreStaticOptions<Response>
/** The options of {@link rangeStatic} of a function. */
export type StoreOptions = CoreStoreOptions<Response>
/** Finds what to send for a path below the mount; `undefined`: the next handler. */
export type StaticFinder = CoreStaticFinder<Request>

/**
 * Serves a folder, as `express.static` does, or any store by a function, with every kind of range. GET
 * and HEAD only.
 *
 * The options of a `rangeServe` before it hold for its responses too, except those that say which files
 * are served: `root`, `dotfiles` and `followSymlinks`.
 *
 * @param root the folder, as a path or `file:` URL; a relative path is resolved against the working
 *   directory
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use('/media', rangeStatic('media', { maxAge: '1d' }))
 * app.use('/clips', rangeStatic((path, req) => bucket.find(path, req.user)))
 */
export function rangeStatic(root: string | URL, options?: StaticOptions): RequestHandler
export function rangeStatic(find: StaticFinder, options?: StoreOptions): RequestHandler
export function rangeStatic(
  root: string | URL | StaticFinder,
  options: StaticOptions | StoreOptions = {},
): RequestHandler {
  const folder = mountStatic<Response, Request>(root, options, 'express')
  return (request, response, next) => {
    expectFramework(next, 'rangeStatic', 'express')
    const { method, headers, rawHeaders, url: target, originalUrl: original } = request
    const isBegun = response.headersSent
    const settle = (outcome: FolderOutcome) => {
      try {
        if (isBegun && outcome.kind !== 'next') throw alreadyAnswered()
        applyOutcome(response, folder, outcome, next)
      } catch (error) {
        if (outcome.kind === 'file') closeUnsent(outcome.source)
        if (isBegun || codeOf(error) !== 'ERR_HEADERS_SENT') next(error)
      }
    }
    const found = { method, headers, rawHeaders, target, original, request }
    void folder.find(found, sendOptionsOf(response)).then(settle)
  }
}

function applyOutcome(
  response: Response,
  folder: Mount<Response, Request>,
  outcome: FolderOutcome,
  next: NextFunction,
): void {
  // Another handler has begun to respond meanwhile. Express would end its connection for an error.
  if (response.headersSent && outcome.kind !== 'next') {
    if (outcome.kind === 'file') closeUnsent(outcome.source)
    return
  }
  switch (outcome.kind) {
    case 'next':
      return next()
    case 'error':
      return next(outcome.error)
    case 'method-not-allowed':
      response.status(405).set('Allow', outcome.allow).end()
      return undefined
    case 'redirect':
      return response.redirect(301, outcome.location)
    case 'file': {
      const { source, filePath, options } = outcome
      folder.decorate(response, source, filePath)
      void send(
        response,
        source,
        () => options,
        (error) => applyOutcome(response, folder, folder.failed(error), next),
      )
    }
  }
}

function send(
  response: Response,
  source: Servable,
  optionsOf: () => SendOptions,
  fail: (error: unknown) => void = response.req.next ?? (() => {}),
): Promise<Transfer> {
  const { req: request } = response
  const isBegun = response.headersSent
  let restore = () => {}
  return begin().catch((reason: unknown) => {
    restore()
    const transfer = OngoingTransfer.failed(request, reason)
    // A response that other code has begun meanwhile, or has ended, is left to that code.
    if (!response.writableEnded && (isBegun || !response.headersSent)) fail(transfer.error)
    return transfer
  })

  /** Rejects where `serve` throws: nothing may wait for the promise, and `next` reports the error. */
  async function begin(): Promise<Transfer> {
    const sending = serve(request, response, source, optionsOf())
    // Not before: if this throws, the response stays with its handler and with the filter.
    restore = bypassFilter(response)
    return sending
  }
}
