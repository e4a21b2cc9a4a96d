// A folder, served by the path of the request.

import fs from 'node:fs/promises'
import { codeOf, sourceError } from '../errors.ts'
import { mergeOptions, type RangeServeOptions, type SendOptions } from '../options.ts'
import { expectFile, openFile, toRoot } from './file.ts'
import type { DirectSource } from '../sources/source.ts'
import type { FileSource } from './file-source.ts'
import {
  type FolderRules,
  type StaticOptions,
  takeApart,
  validateFolder,
} from './folder-options.ts'
import { decodePath, pathOf, resolveInside } from './paths.ts'
import { openVariant } from './siblings.ts'
import { type FolderOutcome, type FolderRequest, Mount } from './static.ts'

/** Finds the outcome of requests to a folder. */
export class StaticFolder<R> extends Mount<R, unknown> {
  readonly #root: string
  readonly #rules: FolderRules
  readonly #setHeaders: StaticOptions<R>['setHeaders']
  readonly #sendOptions: SendOptions

  /**
   * @param root the folder, as a path or `file:` URL; a relative path is resolved against the
   *   working directory
   * @throws TypeError or RangeError with a `code`, for options that can never work
   */
  constructor(root: string | URL, options: StaticOptions<R>) {
    const { rules, sendOptions } = takeApart(options)
    super(options)
    this.#root = toRoot(root)
    validateFolder(this.#root)
    this.#rules = rules
    this.#setHeaders = options.setHeaders
    this.#sendOptions = mergeOptions({ maxAge: 0 }, sendOptions)
  }

  decorate(response: R, source: DirectSource | FileSource, filePath: string): void {
    if (this.#setHeaders && 'stats' in source) this.#setHeaders(response, filePath, source.stats)
  }

  protected async look(
    request: FolderRequest,
    defaults: RangeServeOptions | undefined,
  ): Promise<FolderOutcome> {
    const { original } = request
    const pathname = decodePath(request.target)
    // Below a mount, the folder's own path without the slash arrives with it.
    const isBare = pathname === '/' && !pathOf(original).endsWith('/')
    if (isBare && this.#redirects && (await isDirectory(this.#root))) return redirectTo(original)
    let failure: unknown
    for (const candidate of isBare ? [] : this.#candidates(pathname)) {
      const filePath = await resolveInside(this.#root, candidate, this.#rules)
      try {
        const source = await this.#open(filePath, request, defaults)
        const options = defaults ? mergeOptions(defaults, this.#sendOptions) : this.#sendOptions
        return { kind: 'file', source, filePath, options }
      } catch (error) {
        const code = codeOf(error)
        if (code !== 'ENOENT' && code !== 'ERR_NOT_A_FILE') throw error
        // A folder in place of the index has no slash that could be added to the request.
        const isFolder = this.#redirects && candidate === pathname && code === 'ERR_NOT_A_FILE'
        if (isFolder && (await isDirectory(filePath))) return redirectTo(original)
        failure ??= error
      }
    }
    throw failure ?? sourceError(404, 'ERR_NOT_A_FILE', 'A folder has no content')
  }

  get #redirects(): boolean {
    return this.#rules.redirects && this.#rules.indexes.length > 0
  }

  /** The paths below the root that a path may mean, in the order in which they are tried. */
  #candidates(pathname: string): readonly string[] {
    const { indexes, extensions } = this.#rules
    if (pathname.endsWith('/') && indexes.length > 0) return indexes.map((name) => pathname + name)
    return [pathname, ...extensions.map((extension) => pathname + extension)]
  }

  #open(
    filePath: string,
    request: FolderRequest,
    defaults: RangeServeOptions | undefined,
  ): FileSource | Promise<FileSource> {
    const { followSymlinks = false, codings } = this.#rules
    const { reads = defaults?.reads } = this.#sendOptions
    const root = followSymlinks ? undefined : this.#root
    if (codings.length > 0) return openVariant(request, codings, filePath, root, { reads })
    // Read ahead while the path is examined, unless `setHeaders` needs the current file.
    const open = this.#setHeaders ? openFile : expectFile
    return open(filePath, root, { reads })
  }
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
