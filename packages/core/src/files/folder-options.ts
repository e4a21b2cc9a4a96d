// How a folder is served.

import fs from 'node:fs'
import type { ServerResponse } from 'node:http'
import { invalidArgument } from '../errors.ts'
import { type SendOptions, validateOptions } from '../options.ts'
import { validateFunction } from '../validate.ts'
import { type Coding, codings } from './siblings.ts'
import type { FileStats } from './file-stats.ts'

/** How a mount of a folder or a store is served. The names are those of `serve-static`. */
export interface MountOptions extends Omit<
  SendOptions,
  'root' | 'dotfiles' | 'followSymlinks' | 'type' | 'filename' | 'signal' | 'lastModified'
> {
  /** Default `true`. */
  readonly lastModified?: boolean | undefined
  /** Default 0: caches revalidate a file each time. */
  readonly maxAge?: number | string | undefined
  /**
   * Whether requests that cannot be served go to the next handler rather than fail. Default `true`.
   */
  readonly fallthrough?: boolean | undefined
}

/** How a folder is served. The names are those of `serve-static`. */
export interface StaticOptions<R = ServerResponse>
  extends MountOptions, Pick<SendOptions, 'dotfiles' | 'followSymlinks'> {
  /**
   * The file to serve for a folder's own path: `'index.html'`, or a list of which the first
   * existing file is served. Default `false`: 404.
   */
  readonly index?: string | readonly string[] | false | undefined
  /**
   * Extensions to append, in this order, to a path that leads to no file: `['html']` serves
   * `about.html` for `/about`. Default none.
   */
  readonly extensions?: string | readonly string[] | false | undefined
  /**
   * Whether a folder's path without its trailing slash is redirected to the path with it (301), if
   * there is an `index` to serve. `false`: 404. Default `true`.
   */
  readonly redirect?: boolean | undefined
  /**
   * Serve `name.br`, `name.zst` or `name.gz` beside a file to clients that accept the coding (RFC 9110
   * §12.5.3), unless it is older than the file; ranges are of the encoded bytes. `true`, or the codings
   * to look for, the preferred first: `true` is `['br', 'zstd', 'gzip']`. Default `false`.
   *
   * Each variant has an entity-tag of its own, and all responses of a folder with this option have
   * `Vary: Accept-Encoding`.
   */
  readonly precompressed?: boolean | readonly Coding[] | undefined
  /**
   * Sets further fields on a response whose file has been found: by its path, and the stats of what is
   * sent, which may be its precompressed variant.
   */
  readonly setHeaders?: ((response: R, filePath: string, stats: FileStats) => void) | undefined
}

/** The parsed options that decide which file a request is for. */
export interface FolderRules extends Pick<SendOptions, 'dotfiles' | 'followSymlinks'> {
  readonly indexes: readonly string[]
  /** With their dots. */
  readonly extensions: readonly string[]
  readonly redirects: boolean
  readonly codings: readonly Coding[]
}

/**
 * Checks the options of a folder, and separates which file is served from how it is sent.
 *
 * @throws TypeError or RangeError with a `code`, for options that can never work
 */
export function takeApart(options: StaticOptions<never>): {
  readonly rules: FolderRules
  readonly sendOptions: SendOptions
} {
  validateOptions(options, 'rangeStatic')
  validateFunction('setHeaders', options.setHeaders)
  const {
    dotfiles,
    followSymlinks,
    index,
    extensions,
    redirect,
    precompressed,
    fallthrough,
    setHeaders,
    ...sendOptions
  } = options
  const rules = {
    ...(dotfiles === undefined ? {} : { dotfiles }),
    ...(followSymlinks === undefined ? {} : { followSymlinks }),
    indexes: toNames('index', index),
    extensions: toNames('extensions', extensions).map((each) => `.${each.replace(/^\./, '')}`),
    redirects: redirect !== false,
    codings: toCodings(precompressed),
  }
  return { rules, sendOptions }
}

function toNames(option: string, value: unknown): readonly string[] {
  const names = value === undefined || value === false ? [] : toList(value)
  const form = option === 'index' ? /^[^\0]+$/ : /^\.?[^\0/\\.][^\0/\\]*$/
  const isName = (name: unknown): name is string => typeof name === 'string' && form.test(name)
  if (names.every(isName)) return names
  const odd = names.find((name) => !isName(name))
  const what = option === 'index' ? 'the name of a file' : "a file name extension such as 'html'"
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `${option} must be ${what}, a list of them, or false, got ${JSON.stringify(odd)}`,
  )
}

/** An option that may be a list as one; a hole in it is `undefined`, and so is checked. */
function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? [...value] : [value]
}

function isCoding(value: unknown): value is Coding {
  return codings.some((coding) => coding === value)
}

function toCodings(precompressed: unknown): readonly Coding[] {
  if (precompressed === undefined || precompressed === false) return []
  if (precompressed === true) return codings
  const list = toList(precompressed)
  if (Array.isArray(precompressed) && list.every(isCoding)) return list
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `precompressed must be true, false or a list of 'br', 'zstd' and 'gzip', got ${JSON.stringify(precompressed)}`,
  )
}

/**
 * Throws for a root that is a file, at start-up rather than by a 404 for each request. A root that
 * does not exist may be created later.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`
 */
export function validateFolder(root: string): void {
  let stats: fs.Stats | undefined
  try {
    stats = fs.statSync(root, { throwIfNoEntry: false })
  } catch {
    // A path that cannot be examined may be a folder, or become one.
  }
  if (!stats || stats.isDirectory()) return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `root must be a folder, which ${JSON.stringify(root)} is not; write sendRange(path) for a single file`,
  )
}
