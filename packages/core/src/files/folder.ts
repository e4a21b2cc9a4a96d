// A folder, served by the path of the request.

import fs from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import path from 'node:path'
import { invalidArgument, type SourceError } from '../errors.ts'
import { expectFile, type FileSource, type FileStats, openFile } from './file.ts'
import {
  type RangeServeOptions,
  type SendOptions,
  validateFunction,
  validateOptions,
} from '../options.ts'
import { decodePath, pathOf, resolveInside } from './paths.ts'

/** How a folder is served. The names are those of `serve-static`. */
export interface StaticOptions<R extends ServerResponse = ServerResponse> extends Omit<
  SendOptions,
  'root' | 'type' | 'filename' | 'signal' | 'lastModified'
> {
  /** Default `true`. */
  readonly lastModified?: boolean
  /** Default 0: caches ask each time whether a file is still the same. */
  readonly maxAge?: number | string
  /** The file to serve for a folder's own path: `'index.html'`. Default `false`: 404. */
  readonly index?: string | false
  /** Whether what cannot be served is left to the next handler, rather than an error. Default `true`. */
  readonly fallthrough?: boolean
  /** Sets further fields on a response whose file has been found. */
  readonly setHeaders?: (response: R, filePath: string, stats: FileStats) => void
}

/** What a request's path leads to. */
export type StaticTarget =
  | { readonly source: FileSource; readonly filePath: string }
  /** A folder without its trailing slash, so that relative links in its index would break. */
  | { readonly redirect: string }

/** Finds what a path below a folder leads to. */
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
    validateOptions(options)
    validateFunction('setHeaders', options.setHeaders)
    validateIndex(options.index)
    this.#root = path.resolve(root)
    this.#options = options
    this.#sendOptions = { maxAge: 0, ...options }
  }

  /** How each file is sent, where `rangeServe` has given defaults for all answers. */
  sendOptions(defaults: RangeServeOptions | undefined): SendOptions {
    return defaults ? { ...defaults, ...this.#sendOptions } : this.#sendOptions
  }

  /**
   * @param target what the request asks for, below the folder: percent-encoded, perhaps with a query
   * @param original the target as the client sent it, above the folder too
   * @param defaults what `rangeServe` was told; which files there are is for the folder alone to say
   * @throws SourceError by rejecting, where nothing is to be served
   */
  async find(
    target: string,
    original: string,
    defaults: RangeServeOptions | undefined,
  ): Promise<StaticTarget> {
    const { index = false, followSymlinks = false } = this.#options
    const { syncReads = defaults?.syncReads } = this.#options
    const pathname = decodePath(target)
    const isFolder = pathname.endsWith('/')
    // Where a folder is mounted, its own path without the slash is also that with it.
    if (index !== false && pathname === '/' && !pathOf(original).endsWith('/')) {
      if (await isDirectory(this.#root)) return { redirect: redirectTarget(original) }
    }
    const filePath = await resolveInside(
      this.#root,
      isFolder && index !== false ? pathname + index : pathname,
      this.#options,
    )
    try {
      // Read ahead while one looks whether it is the same still; `setHeaders` is to be told what it is.
      const open = this.#options.setHeaders ? openFile : expectFile
      const source = await open(filePath, followSymlinks ? undefined : this.#root, { syncReads })
      return { source, filePath }
    } catch (error) {
      const { code } = error as SourceError
      if (index !== false && code === 'ERR_NOT_A_FILE' && (await isDirectory(filePath))) {
        return { redirect: redirectTarget(original) }
      }
      throw error
    }
  }

  /** Whether an error leaves the request to the next handler. */
  fallsThrough(error: unknown): boolean {
    const { status = 500 } = error as Partial<SourceError>
    return this.#options.fallthrough !== false && status < 500
  }

  /** Lets the user's `setHeaders` have its say. */
  decorate(response: R, source: FileSource, filePath: string): void {
    this.#options.setHeaders?.(response, filePath, source.stats)
  }
}

function validateIndex(index: unknown): void {
  if (index === undefined || index === false || typeof index === 'string') return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `index must be the name of a file, or false, got ${JSON.stringify(index)}`,
  )
}

/** The last component and a slash, relative to where the client is: nothing of it can name a host. */
function redirectTarget(target: string): string {
  const pathname = pathOf(target)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  const query = /\?.*/.exec(target)?.[0] ?? ''
  return `./${name}/${query}`
}

async function isDirectory(filePath: string): Promise<boolean> {
  const stats = await fs.stat(filePath).catch(() => undefined)
  return stats?.isDirectory() === true
}
