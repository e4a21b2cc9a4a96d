// A folder, served by the path of the request.

import fs from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import path from 'node:path'
import { invalidArgument, type SourceError } from '../errors.ts'
import { expectFile, openFile } from './file.ts'
import type { FileSource } from './file-source.ts'
import type { FileStats } from './validators.ts'
import {
  mergeOptions,
  type RangeServeOptions,
  type SendOptions,
  validateOptions,
} from '../options.ts'
import { decodePath, pathOf, resolveInside } from './paths.ts'
import { validateFunction } from '../validate.ts'

/** How a folder is served. The names are those of `serve-static`. */
export interface StaticOptions<R extends ServerResponse = ServerResponse> extends Omit<
  SendOptions,
  'root' | 'type' | 'filename' | 'signal' | 'lastModified'
> {
  /** Default `true`. */
  readonly lastModified?: boolean
  /** Default 0: caches revalidate a file each time. */
  readonly maxAge?: number | string
  /** The file to serve for a folder's own path: `'index.html'`. Default `false`: 404. */
  readonly index?: string | false
  /** Whether the next handler gets what cannot be served, rather than an error. Default `true`. */
  readonly fallthrough?: boolean
  /** Sets further fields on a response whose file has been found. */
  readonly setHeaders?: (response: R, filePath: string, stats: FileStats) => void
}

/** What a request to a folder comes to. */
export type FolderOutcome =
  | {
      readonly kind: 'file'
      readonly source: FileSource
      readonly filePath: string
      readonly options: SendOptions
    }
  /** A folder without its trailing slash, which would break the relative links of its index. */
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'method-not-allowed'; readonly allow: string }
  | { readonly kind: 'next' }
  | { readonly kind: 'error'; readonly error: SourceError }

/** A request to a folder. */
export interface FolderRequest {
  readonly method: string | undefined
  /** The target below the folder: percent-encoded, perhaps with a query. */
  readonly target: string
  /** The target as the client sent it, above the folder too. */
  readonly original: string
}

/** Finds what the requests to a folder come to. */
export class StaticFolder<R extends ServerResponse = ServerResponse> {
  readonly #root: string
  readonly #options: StaticOptions<R>
  readonly #sendOptions: SendOptions

  /**
   * @param root the folder; a relative one counts from the working directory
   * @throws TypeError or RangeError with a `code`, for options that can never work
   */
  constructor(root: string, options: StaticOptions<R>) {
    if (typeof root !== 'string' || root === '') {
      throw invalidArgument('ERR_INVALID_ARGUMENT', 'root must be the path of a folder')
    }
    validateOptions(options, 'rangeStatic')
    validateFunction('setHeaders', options.setHeaders)
    validateIndex(options.index)
    this.#root = path.resolve(root)
    this.#options = options
    this.#sendOptions = mergeOptions({ maxAge: 0 }, sendOptionsOf(options))
  }

  /**
   * Finds what a request comes to; never rejects.
   *
   * @param defaults the options of `rangeServe`, except which files there are
   */
  async find(
    request: FolderRequest,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      if (this.#options.fallthrough !== false) return { kind: 'next' }
      return { kind: 'method-not-allowed', allow: 'GET, HEAD' }
    }
    try {
      return await this.#look(request, defaults)
    } catch (error) {
      return this.failed(error)
    }
  }

  /** What a request comes to if its file cannot be served. */
  failed(error: unknown): FolderOutcome {
    const { status = 500 } = error as Partial<SourceError>
    if (this.#options.fallthrough !== false && status < 500) return { kind: 'next' }
    return { kind: 'error', error: error as SourceError }
  }

  /** Calls the user's `setHeaders`. */
  decorate(response: R, source: FileSource, filePath: string): void {
    this.#options.setHeaders?.(response, filePath, source.stats)
  }

  /** @throws SourceError by rejecting, if there is no file to serve */
  async #look(
    { target, original }: FolderRequest,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome> {
    const { index = false, followSymlinks = false } = this.#options
    const { syncReads = defaults?.syncReads } = this.#options
    const pathname = decodePath(target)
    const hasSlash = pathname.endsWith('/')
    // Below a mount, the folder's own path without the slash arrives with it.
    if (index !== false && pathname === '/' && !pathOf(original).endsWith('/')) {
      if (await isDirectory(this.#root)) return redirectTo(original)
    }
    const isIndex = hasSlash && index !== false
    const filePath = await resolveInside(
      this.#root,
      isIndex ? pathname + index : pathname,
      this.#options,
    )
    try {
      // Read ahead while the path is looked at, unless `setHeaders` needs what is there now.
      const open = this.#options.setHeaders ? openFile : expectFile
      const source = await open(filePath, followSymlinks ? undefined : this.#root, { syncReads })
      return { kind: 'file', source, filePath, options: this.#sendOptionsFor(defaults) }
    } catch (error) {
      const { code } = error as SourceError
      // A folder in the place of the index has no slash that could be added to the request.
      const isFolder = index !== false && !isIndex && code === 'ERR_NOT_A_FILE'
      if (isFolder && (await isDirectory(filePath))) return redirectTo(original)
      throw error
    }
  }

  #sendOptionsFor(defaults: RangeServeOptions | undefined): SendOptions {
    return defaults ? mergeOptions(defaults, this.#sendOptions) : this.#sendOptions
  }
}

/** The options of a folder that are about each file that it sends. */
function sendOptionsOf(options: StaticOptions<never>): SendOptions {
  const { dotfiles, followSymlinks, index, fallthrough, setHeaders, ...sendOptions } = options
  return sendOptions
}

function validateIndex(index: unknown): void {
  if (index === undefined || index === false || typeof index === 'string') return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `index must be the name of a file, or false, got ${JSON.stringify(index)}`,
  )
}

/** Redirects to the last component and a slash, relative to the request: no part of it can name a host. */
function redirectTo(target: string): FolderOutcome {
  const pathname = pathOf(target)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  const query = /\?.*/.exec(target)?.[0] ?? ''
  return { kind: 'redirect', location: `./${name}/${query}` }
}

async function isDirectory(filePath: string): Promise<boolean> {
  const stats = await fs.stat(filePath).catch(() => undefined)
  return stats?.isDirectory() === true
}
