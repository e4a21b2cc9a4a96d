import type { NextFunction, RequestHandler, Response } from 'express'
import { serve, type SendOptions, type Servable, type Transfer } from '@range-serve/core'
import {
  dispose,
  type FolderOutcome,
  mergeOptions,
  OngoingTransfer,
  type RangeServeOptions,
  type SourceError,
  StaticFolder,
  type StaticOptions as CoreStaticOptions,
  validateOptions,
} from '@range-serve/core/adapter'
import { bypassFilter, type Method, sendOptionsOf, watchResponse } from './hooks.ts'

export { createServer } from './server.ts'
export type { RangeServeOptions } from '@range-serve/core/adapter'

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- how Express lets its types be added to
  namespace Express {
    interface Response {
      /**
       * Answers with a source: whole, ranges of it, 304, 412 or 416. It is there after
       * `app.use(rangeServe())`.
       *
       * Resolves when the answer is over, and never rejects: what fails before anything was sent
       * goes to `next(error)`, as with `res.sendFile`, and stands in the transfer's `error`.
       *
       * @throws TypeError or RangeError with a `code`, at the call: it can never be served
       */
      sendRange(source: Servable, options?: SendOptions): Promise<Transfer>
    }
  }
}

/**
 * Makes every answer of known length range-aware, and adds `res.sendRange`.
 *
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use(rangeServe())
 * app.get('/report', (req, res) => res.type('pdf').send(buffer)) // resumes, since the filter sees to it
 * app.get('/clip', (req, res) => res.sendRange('/srv/clip.mp4')) // reads only what is asked for
 */
export function rangeServe(options: RangeServeOptions = {}): RequestHandler {
  validateOptions(options)
  return (request, response, next) => {
    watchResponse(request, response, options, sendRange as Method)
    next()
  }
}

function sendRange(this: Response, source: Servable, own?: SendOptions): Promise<Transfer> {
  return send(this, source, mergeOptions(sendOptionsOf(this), own))
}

/** What {@link rangeStatic} can be told. */
export type StaticOptions = CoreStaticOptions<Response>

/**
 * Serves a folder, as `express.static` does, with every kind of range. GET and HEAD only.
 *
 * What a `rangeServe` before it was told holds for its answers too, except which files there are:
 * `root`, `dotfiles` and `followSymlinks`.
 *
 * @param root the folder; a relative one counts from the working directory
 * @throws TypeError or RangeError with a `code`, for options that can never work
 *
 * @example
 * app.use('/media', rangeStatic('media', { maxAge: '1d' }))
 */
export function rangeStatic(root: string, options: StaticOptions = {}): RequestHandler {
  const folder = new StaticFolder(root, options)
  return (request, response, next) => {
    const { method, url: target, originalUrl: original } = request
    const settle = (outcome: FolderOutcome) => {
      try {
        applyOutcome(response, folder, outcome, next)
      } catch (error) {
        if (outcome.kind === 'file') dispose(outcome.source)
        if ((error as Partial<SourceError>).code !== 'ERR_HEADERS_SENT') next(error)
      }
    }
    void folder.find({ method, target, original }, sendOptionsOf(response)).then(settle)
  }
}

function applyOutcome(
  response: Response,
  folder: StaticFolder<Response>,
  outcome: FolderOutcome,
  next: NextFunction,
): void {
  // Another handler has begun to respond meanwhile. Express would end its connection for an error.
  if (response.headersSent && outcome.kind !== 'next') {
    if (outcome.kind === 'file') dispose(outcome.source)
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
      void send(response, source, options, (error) =>
        applyOutcome(response, folder, folder.failed(error), next),
      )
    }
  }
}

function send(
  response: Response,
  source: Servable,
  options: SendOptions,
  fail: (error: unknown) => void = response.req.next ?? (() => {}),
): Promise<Transfer> {
  const { req: request } = response
  // Not before: where this throws, the answer stays with who gives it, and with the filter.
  const answer = serve(request, response, source, options)
  const restore = bypassFilter(response)
  return answer.catch((error: SourceError) => {
    restore()
    const transfer = new OngoingTransfer(request, undefined)
    Object.assign(transfer, { status: error.status ?? 500, error, aborted: true })
    // Where somebody else has answered meanwhile, there is nothing left to be done about it.
    if (error.code !== 'ERR_HEADERS_SENT') fail(error)
    return transfer
  })
}
