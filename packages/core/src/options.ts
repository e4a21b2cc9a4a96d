// What callers may say.

import contentDisposition from 'content-disposition'
import { invalidArgument } from './errors.ts'
import type { FileStats } from './files/validators.ts'
import { type OptionCall, validateOptionNames } from './option-names.ts'
import { parseMaxAge } from './semantics/cache-control.ts'
import type { ResponseFields } from './semantics/fields.ts'
import type { Transfer } from './transfer.ts'
import {
  validateCount,
  validateFieldValue,
  validateFunction,
  validateMetadata,
} from './validate.ts'

/** How one source is to be sent. What is given here goes before what the source says of itself. */
export interface SendOptions {
  /** The media type: `'video/mp4'`. Default: the source's, or by the extension of its file. */
  readonly type?: string
  /** The entity-tag, quotes included; `false` for none; for a file also a function of its stats. */
  readonly etag?: string | boolean | ((stats: FileStats) => string)
  /** When the source was last modified; `false` for no Last-Modified. */
  readonly lastModified?: Date | boolean
  /** The whole Cache-Control field; `false`: do not make one of `maxAge`. */
  readonly cacheControl?: string | boolean
  /**
   * `max-age` of Cache-Control, in milliseconds or as text: `'1d'`, `'2 hours'`. A Cache-Control that
   * the response has already goes before it.
   */
  readonly maxAge?: number | string
  /** Adds `immutable` to a Cache-Control with `maxAge`. Default `false`. */
  readonly immutable?: boolean
  /** Sent as an attachment of this name (RFC 6266); its extension gives a type where none is known. */
  readonly filename?: string
  /** Further fields of the answer. */
  readonly headers?: ResponseFields
  /** `false` ignores Range and says `Accept-Ranges: none`. Default `true`. */
  readonly acceptRanges?: boolean
  /** The most ranges in one answer; a request for more gets the whole. Default 100. */
  readonly maxRanges?: number
  /** The most bytes to read past in a source that is not seekable. Default 64 MiB. */
  readonly maxSkip?: number
  /** The folder that a path is relative to and cannot leave. */
  readonly root?: string
  /** What to do about paths with a component that starts with a dot, below `root`. Default `'ignore'`: 404. */
  readonly dotfiles?: 'allow' | 'deny' | 'ignore'
  /** Serve what symbolic links below `root` lead to, wherever that is. Default `false`. */
  readonly followSymlinks?: boolean
  /**
   * Look at files and read small ranges of them (up to 64 KiB) synchronously: less work for each
   * request, for files on a local SSD or in memory. A disk that makes one request wait then makes all
   * of them wait. Default `false`.
   */
  readonly syncReads?: boolean
  /** Ends the answer when it aborts. */
  readonly signal?: AbortSignal
  /** Is told of the answer when it is over, however it ended. */
  readonly onTransfer?: (transfer: Transfer) => void
}

/** What an adapter's `rangeServe` can be told: the defaults of each answer. */
export type RangeServeOptions = Pick<
  SendOptions,
  | 'acceptRanges'
  | 'maxRanges'
  | 'maxSkip'
  | 'onTransfer'
  | 'root'
  | 'dotfiles'
  | 'followSymlinks'
  | 'syncReads'
>

/** What a filter can be told. */
export type FilterOptions = Pick<SendOptions, 'maxRanges' | 'maxSkip' | 'onTransfer'>

/** What `root` makes of a path, and nothing else. */
const companionsOfRoot = ['dotfiles', 'followSymlinks'] as const

/**
 * Adds the options of a call to the defaults. An option that is `undefined` is an option not given:
 * `root: undefined` must not lift the root of the defaults.
 *
 * Without a root, what the defaults say of its paths is left out.
 */
export function mergeOptions<D extends object, O extends object>(
  defaults: D,
  own: O | undefined,
): D & O {
  const merged = { ...defaults, ...own } as Record<string, unknown>
  for (const name in own) {
    if (own[name] === undefined) merged[name] = (defaults as Record<string, unknown>)[name]
  }
  if (merged['root'] === undefined) {
    for (const name of companionsOfRoot) {
      const isOwn = (own as SendOptions | undefined)?.[name] !== undefined
      if (!isOwn && merged[name] !== undefined) merged[name] = undefined
    }
  }
  return merged as D & O
}

/**
 * Throws for options that can never work.
 *
 * @throws TypeError `ERR_UNKNOWN_OPTION` for one that the call does not know; TypeError or RangeError
 *   `ERR_INVALID_…`
 */
export function validateOptions(options: SendOptions, call: OptionCall = 'sendRange'): void {
  validateOptionNames(call, options)
  const { type, etag, lastModified, cacheControl, filename, headers, signal } = options
  validateMetadata({
    type,
    etag: typeof etag === 'boolean' || typeof etag === 'function' ? undefined : etag,
    lastModified: typeof lastModified === 'boolean' ? undefined : lastModified,
  })
  if (cacheControl !== undefined && typeof cacheControl !== 'boolean') {
    validateFieldValue('cacheControl', cacheControl)
  }
  if (filename !== undefined) validateFilename(filename)
  for (const name in headers) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) {
      throw invalidArgument('ERR_INVALID_FIELD', `${JSON.stringify(name)} cannot name a field`)
    }
    const value = headers[name]
    if (Array.isArray(value)) for (const line of value) validateFieldValue(name, line)
    else validateFieldValue(name, value)
  }
  validateCount('maxRanges', options.maxRanges)
  validateCount('maxSkip', options.maxSkip)
  if (options.maxAge !== undefined) parseMaxAge(options.maxAge)
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'signal must be an AbortSignal')
  }
  validateFunction('onTransfer', options.onTransfer)
  validateDotfiles(options.dotfiles)
}

/** A typo must not silently expose or hide dotfiles. */
function validateDotfiles(dotfiles: unknown): void {
  if (dotfiles === undefined || ['allow', 'deny', 'ignore'].includes(dotfiles as string)) return
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `dotfiles must be 'allow', 'deny' or 'ignore', got ${JSON.stringify(dotfiles)}`,
  )
}

function validateFilename(filename: unknown): void {
  try {
    if (typeof filename === 'string' && filename !== '' && contentDisposition(filename)) return
  } catch {
    // A lone surrogate, which no encoding has a form for.
  }
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `filename must be well-formed text, and not empty, got ${JSON.stringify(filename)}`,
  )
}

/**
 * Throws if a call says how the paths below a root are treated, and nothing gives that root: the
 * caller takes its path to be confined, which it is not.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`
 */
export function validateCompanionsOfRoot(options: SendOptions): void {
  if (options.root !== undefined) return
  for (const name of companionsOfRoot) {
    if (options[name] === undefined) continue
    throw invalidArgument('ERR_INVALID_ARGUMENT', `${name} needs a root, and none is given`)
  }
}
