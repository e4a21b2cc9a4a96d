// A function in place of a folder: rangeStatic over any store.

import type { ServerResponse } from 'node:http'
import { sourceError } from './errors.ts'
import type { MountOptions } from './files/folder-options.ts'
import { decodePath, normalizePath } from './files/paths.ts'
import { type FolderOutcome, type FolderRequest, Mount } from './files/static.ts'
import { typeOf } from './files/media-types.ts'
import { openSource, type Servable } from './open.ts'
import {
  mergeOptions,
  type RangeServeOptions,
  type SendOptions,
  validateOptions,
} from './options.ts'
import type { Representation } from './semantics/representation.ts'
import type { DirectSource } from './sources/source.ts'
import { validateFunction } from './validate.ts'

type Found = Servable | null | undefined

/**
 * Finds what to send for a path; `undefined` or `null` if there is nothing: the next handler, or 404.
 *
 * The path is the one below the mount, percent-decoded, without a leading slash, and without `.`,
 * `..` and doubled slashes: `'clips/a.mp4'`. It is `''` for the mount itself and ends with a slash
 * if that of the request does. It can hold every other character, so use `sendRange(path, { root
 * })` or `rangeStatic(root)` to make a path of a file system of it.
 *
 * Errors that it throws go to the error handling of the framework. A source without a type gets the
 * type of the path's extension.
 */
export type StaticFinder<Q> = (path: string, request: Q) => Found | Promise<Found>

/** How a store is served. */
export interface StoreOptions<R = ServerResponse> extends MountOptions {
  /** Sets further fields on a response whose source has been found. */
  readonly setHeaders?: ((response: R, path: string, source: Representation) => void) | undefined
}

/** Finds the outcome of requests to a store. */
export class StaticStore<R extends object, Q> extends Mount<R, Q> {
  readonly #finder: StaticFinder<Q>
  readonly #setHeaders: StoreOptions<R>['setHeaders']
  readonly #sendOptions: SendOptions

  /** @throws TypeError or RangeError with a `code`, for options that can never work */
  constructor(finder: StaticFinder<Q>, options: StoreOptions<R>) {
    validateOptions(options, 'rangeStatic of a function')
    validateFunction('setHeaders', options.setHeaders)
    super(options)
    const { fallthrough, setHeaders, ...sendOptions } = options
    this.#finder = finder
    this.#setHeaders = setHeaders
    this.#sendOptions = mergeOptions({ maxAge: 0 }, sendOptions)
  }

  decorate(response: R, source: DirectSource, path: string): void {
    this.#setHeaders?.(response, path, source)
    const type = source.type === undefined ? typeOf(path) : undefined
    const target: Partial<ServerResponse> = response
    if (type !== undefined && target.hasHeader?.('Content-Type') === false) {
      target.setHeader?.('Content-Type', type)
    }
  }

  protected async look(
    request: FolderRequest<Q>,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome> {
    const path = normalizePath(decodePath(request.target))
    let found: Awaited<Found>
    try {
      found = await this.#finder(path, request.request)
    } catch (error) {
      // The function returns nothing if there is nothing to send, so its errors are genuine.
      return { kind: 'error', error }
    }
    if (found === undefined || found === null) {
      throw sourceError(404, 'ERR_NOT_FOUND', 'The store has nothing under this path', { path })
    }
    const options = defaults ? mergeOptions(defaults, this.#sendOptions) : this.#sendOptions
    const { reads } = options
    const source = await openSource(found, reads === undefined ? {} : { reads })
    return { kind: 'file', source, filePath: path, options }
  }
}
