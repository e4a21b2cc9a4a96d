// What every mount of rangeStatic shares: each request has one of a few outcomes.

import { hasStatus } from '../errors.ts'
import type { RangeServeOptions, SendOptions } from '../options.ts'
import type { RangeRequest } from '../semantics/request.ts'
import type { DirectSource } from '../sources/source.ts'

/** The outcome of a request. */
export type FolderOutcome =
  | {
      readonly kind: 'file'
      readonly source: DirectSource
      /** The path of the file, or the path below the mount of a store. */
      readonly filePath: string
      readonly options: SendOptions
    }
  /** A folder without its trailing slash, which would break the relative links of its index. */
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'method-not-allowed'; readonly allow: string }
  | { readonly kind: 'next' }
  | { readonly kind: 'error'; readonly error: unknown }

/** A request below a mount. */
export interface FolderRequest<Q = unknown> extends RangeRequest {
  /** The target below the mount: percent-encoded, perhaps with a query. */
  readonly target: string
  /** The target as the client sent it, above the mount too. */
  readonly original: string
  /** The request as the framework has it, for a store. */
  readonly request: Q
}

/** Finds the outcome of requests below a mount. */
export abstract class Mount<R, Q> {
  readonly #falls: boolean

  protected constructor({ fallthrough }: { readonly fallthrough?: boolean | undefined }) {
    this.#falls = fallthrough !== false
  }

  /** @throws SourceError by rejecting, if there is nothing to serve */
  protected abstract look(
    request: FolderRequest<Q>,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome>

  /** Calls the user's `setHeaders` with the source of an outcome. */
  abstract decorate(response: R, source: DirectSource, filePath: string): void

  /**
   * Finds the outcome of a request; never rejects.
   *
   * @param defaults the options of `rangeServe`, except those that say which files are served
   */
  async find(
    request: FolderRequest<Q>,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      return this.#falls ? { kind: 'next' } : { kind: 'method-not-allowed', allow: 'GET, HEAD' }
    }
    try {
      return await this.look(request, defaults)
    } catch (error) {
      return this.failed(error)
    }
  }

  /** The outcome of a request whose source cannot be served. */
  failed(error: unknown): FolderOutcome {
    const isRefusal = hasStatus(error) && Number(error.status) < 500
    return this.#falls && isRefusal ? { kind: 'next' } : { kind: 'error', error }
  }
}
