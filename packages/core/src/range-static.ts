// rangeStatic of a folder or a store, for an adapter to send and for node:http.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { NodeResponse } from './delivery/outgoing.ts'
import { type SourceError, toError } from './errors.ts'
import { StaticFolder } from './files/folder.ts'
import type { StaticOptions } from './files/folder-options.ts'
import type { FolderOutcome, Mount } from './files/static.ts'
import { expectCall } from './misuse.ts'
import { closeUnsent } from './open-bytes.ts'
import { validateOptionNames } from './option-names.ts'
import { serve } from './serve.ts'
import { StaticStore, type StaticFinder, type StoreOptions } from './store.ts'
import type { Transfer } from './transfer.ts'
import { validateObject } from './validate.ts'

/** The options of an adapter's `rangeStatic`; Koa has no mounts of its own, so there it has a `prefix`. */
type MountedOptions<R> = (StaticOptions<R> | StoreOptions<R>) & {
  readonly prefix?: string | undefined
}

/**
 * Makes the mount that an adapter's `rangeStatic` serves.
 *
 * @param framework Koa's adapter has a `prefix`, which the mount leaves to it
 * @throws TypeError or RangeError with a `code`, for options that can never work, or a root that is a
 *   request: `rangeStatic` is not the middleware
 */
export function mountStatic<R extends object, Q>(
  root: string | URL | StaticFinder<Q>,
  options: MountedOptions<R>,
  framework: 'express' | 'koa',
): Mount<R, Q> {
  expectCall('rangeStatic', root)
  if (framework === 'express') return mount(root, options)
  validateObject('options', options)
  const isStore = typeof root === 'function'
  const call = isStore ? 'rangeStatic of Koa and a function' : 'rangeStatic of Koa'
  validateOptionNames(call, options)
  const { prefix, ...own } = options
  return mount(root, own)
}

function mount<R extends object, Q>(
  root: string | URL | StaticFinder<Q>,
  options: StaticOptions<R> | StoreOptions<R>,
): Mount<R, Q> {
  validateObject('options', options)
  return typeof root === 'function'
    ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads pair such a root with these
      new StaticStore<R, Q>(root, options as StoreOptions<R>)
    : // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads pair such a root with these
      new StaticFolder<R>(root, options as StaticOptions<R>)
}

/** A request of Node's, which Connect gives the target above the mount. */
type ConnectRequest = (IncomingMessage | Http2ServerRequest) & { readonly originalUrl?: string }

/** The request that belongs to a response. */
type RequestOf<R> = R extends Http2ServerResponse ? Http2ServerRequest : IncomingMessage

/**
 * Responds to requests of `node:http`, `node:http2` or Connect.
 *
 * With `next`, a request that is not served goes to it: `next()`, or `next(error)` for errors.
 * Without it, the handler responds itself: 404, 405, or the status of the error, which becomes a
 * process warning if it is a 5xx.
 *
 * Resolves with the transfer when a response that the handler has sent is over, otherwise with
 * `undefined`; never rejects.
 */
export type StaticRequestHandler<R extends NodeResponse = ServerResponse> = (
  request: RequestOf<R>,
  response: R,
  next?: (error?: unknown) => void,
) => Promise<Transfer | undefined>

/**
 * Serves a folder, or any store by a function, with every kind of range. GET and HEAD only.
 *
 * @param root the folder, as a path or `file:` URL; a relative path is resolved against the working
 *   directory. It may be created later
 * @throws TypeError or RangeError with a `code`, for options that can never work, or a root that is a
 *   file
 *
 * @example
 * createServer(rangeStatic('media', { maxAge: '1d' })).listen(3000)
 *
 * @example
 * const media = rangeStatic((path) => bucket.find(path)) // a Source, or undefined: 404
 * createServer((request, response) => {
 *   media(request, response, () => response.writeHead(404).end('No such clip'))
 * })
 */
export function rangeStatic<R extends NodeResponse = ServerResponse>(
  root: string | URL,
  options?: StaticOptions<R>,
): StaticRequestHandler<R>
export function rangeStatic<R extends NodeResponse = ServerResponse>(
  find: StaticFinder<RequestOf<R>>,
  options?: StoreOptions<R>,
): StaticRequestHandler<R>
export function rangeStatic<R extends NodeResponse>(
  root: string | URL | StaticFinder<RequestOf<R>>,
  options: StaticOptions<R> | StoreOptions<R> = {},
): StaticRequestHandler<R> {
  const served = mount<R, RequestOf<R>>(root, options)
  return async (request, response, next) => {
    const { method, headers, rawHeaders, url: target = '/' } = request
    // Connect keeps the original there, and passes the target below a mount as `url`.
    const { originalUrl: original = target }: ConnectRequest = request
    const found = { method, headers, rawHeaders, target, original, request }
    const outcome = await served.find(found, undefined)
    try {
      return await apply(served, outcome, request, response, next)
    } catch (error) {
      // The caller's `setHeaders` has thrown.
      if (outcome.kind === 'file') closeUnsent(outcome.source)
      refuse(response, error, next)
      return undefined
    }
  }
}

async function apply<R extends NodeResponse, Q>(
  served: Mount<R, Q>,
  outcome: FolderOutcome,
  request: IncomingMessage | Http2ServerRequest,
  response: R,
  next: ((error?: unknown) => void) | undefined,
): Promise<Transfer | undefined> {
  // Other code has begun to respond meanwhile.
  if (response.headersSent && outcome.kind !== 'next') {
    if (outcome.kind === 'file') closeUnsent(outcome.source)
    return undefined
  }
  switch (outcome.kind) {
    case 'next': {
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      if (next) next()
      else if (isRead) end(response, 404)
      else end(response, 405, { Allow: 'GET, HEAD' })
      return undefined
    }
    case 'error':
      refuse(response, outcome.error, next)
      return undefined
    case 'method-not-allowed':
      end(response, 405, { Allow: outcome.allow })
      return undefined
    case 'redirect':
      end(response, 301, { Location: outcome.location })
      return undefined
    case 'file': {
      const { source, filePath, options } = outcome
      served.decorate(response, source, filePath)
      try {
        return await serve(request, response, source, options)
      } catch (error) {
        return apply(served, served.failed(error), request, response, next)
      }
    }
  }
}

/** Passes an error to `next`, or responds with its status and no text. */
function refuse(
  response: NodeResponse,
  error: unknown,
  next: ((error?: unknown) => void) | undefined,
): void {
  if (next) {
    next(error)
    return
  }
  const { status } = (error ?? {}) as Partial<SourceError>
  const isStatus = Number.isInteger(status) && status! >= 400 && status! <= 599
  if (!isStatus || status! >= 500) process.emitWarning(toError(error))
  if (!response.headersSent) end(response, isStatus ? status! : 500)
}

function end(response: NodeResponse, status: number, fields: Record<string, string> = {}): void {
  response.writeHead(status, { ...fields, 'Content-Length': '0' })
  response.end()
}
