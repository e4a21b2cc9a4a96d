// The options of the calls.

import contentDisposition from 'content-disposition'
import { invalidArgument } from './errors.ts'
import type { FileStats } from './files/file-stats.ts'
import { expandType } from './media-type.ts'
import { type OptionCall, validateOptionNames } from './option-names.ts'
import { type Pace, validatePace } from './pace.ts'
import { parseMaxAge } from './semantics/cache-control.ts'
import type { ResponseFields } from './semantics/fields.ts'
import type { Transfer } from './transfer.ts'
import {
  validateCount,
  validateFieldValue,
  validateFunction,
  validateMetadata,
  validateObject,
  validateOneOf,
  validateRoot,
} from './validate.ts'

/** How files are read: see `reads` of {@link SendOptions}. */
export type Reads = 'adaptive' | 'async'

/** How one source is sent. An option takes precedence over the metadata of the source. */
export interface SendOptions {
  /**
   * The media type, `'video/mp4'`, or an extension that stands for it, `'mp4'` or `'.mp4'`, with
   * `charset=utf-8` for text. Default: the source's, or by the extension of its file or of
   * `filename`.
   */
  readonly type?: string | undefined
  /**
   * The entity-tag, quotes included; `false` for none; for a file also a function of the stats of
   * the descriptor that is read. Default: the source's; for a file, its size and mtime.
   *
   * `true` is the default, and tags bytes in memory that have no tag with a strong hash of them.
   * The hash is computed once for each `Uint8Array` object, so the bytes must not change
   * afterwards; computing it takes about a millisecond per MiB. It tags neither a Blob nor any
   * other source.
   */
  readonly etag?: string | boolean | ((stats: FileStats) => string) | undefined
  /** When the source was last modified; `false` for no Last-Modified. */
  readonly lastModified?: Date | boolean | undefined
  /** The full Cache-Control field; `false`: do not make one of `maxAge`. */
  readonly cacheControl?: string | boolean | undefined
  /**
   * `max-age` of Cache-Control, in milliseconds or as text: `'1d'`, `'2 hours'`. A Cache-Control
   * header already set overrides it.
   */
  readonly maxAge?: number | string | undefined
  /** Adds `immutable` to a Cache-Control with `maxAge`. Default `false`. */
  readonly immutable?: boolean | undefined
  /**
   * The name under which the client saves it, in Content-Disposition (RFC 6266). Its extension gives a
   * type if no other is known.
   */
  readonly filename?: string | undefined
  /**
   * Whether the client saves it (`'attachment'`) or displays it (`'inline'`, RFC 6266 §4.2). Default:
   * `'attachment'` if there is a `filename`, otherwise no Content-Disposition.
   */
  readonly disposition?: 'inline' | 'attachment' | undefined
  /** Further fields of the response. */
  readonly headers?: ResponseFields | undefined
  /** `false` ignores Range and sends `Accept-Ranges: none`. Default `true`. */
  readonly acceptRanges?: boolean | undefined
  /** The most ranges in one response; a request for more gets the full response. Default 100. */
  readonly maxRanges?: number | undefined
  /** The most bytes to read past in a source that is not seekable. Default 64 MiB. */
  readonly maxSkip?: number | undefined
  /**
   * The most bytes to send for a single range without a last position, such as the `bytes=0-` of a
   * player; a positive integer. Content-Range tells the client how far the 206 goes; it requests
   * the rest when it needs it (§15.3.7). Default: no limit. Closed ranges, suffixes, several ranges
   * and full responses are sent in full.
   *
   * For media: browsers and players request the rest. A download program that resumes with
   * `bytes=N-` may take the 206 for all of the rest.
   */
  readonly maxResponse?: number | undefined
  /**
   * How fast the content of a response is sent at most: for media, whose clients otherwise fetch more
   * than is watched. Each response has this pace, whatever other responses the same client gets.
   * Default: no limit.
   */
  readonly pace?: Pace | undefined
  /** The folder that a path is relative to and cannot leave, as a path or `file:` URL. */
  readonly root?: string | URL | undefined
  /** What to do about paths with a component that starts with a dot, below `root`. Default `'ignore'`: 404. */
  readonly dotfiles?: 'allow' | 'deny' | 'ignore' | undefined
  /** Serve what symbolic links below `root` lead to, wherever that is. Default `false`. */
  readonly followSymlinks?: boolean | undefined
  /**
   * How files are examined, and small ranges of them (up to 64 KiB) read. `'adaptive'`, the default:
   * synchronously while their device is as quick as the page cache, which halves the work of a
   * request; asynchronously from the first slow read on, for a time that doubles each time. Files of
   * network file systems and FUSE are always read asynchronously, and at most 1 % of the time of the
   * event loop is spent waiting. `'async'`: never synchronously.
   */
  readonly reads?: Reads | undefined
  /** Ends the response when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Called when the response is over, however it ended. */
  readonly onTransfer?: ((transfer: Transfer) => void) | undefined
}

/** The options of an adapter's `rangeServe`: the defaults of each response. */
export type RangeServeOptions = Pick<
  SendOptions,
  | 'acceptRanges'
  | 'maxRanges'
  | 'maxSkip'
  | 'maxResponse'
  | 'onTransfer'
  | 'root'
  | 'dotfiles'
  | 'followSymlinks'
  | 'reads'
>

/** The options of any call. */
type Options = Readonly<Record<string, unknown>>

/** The options that have a meaning only with a `root`. */
const companionsOfRoot = ['dotfiles', 'followSymlinks'] as const

/**
 * Adds the options of a call to the defaults. An option that is `undefined` counts as not given:
 * `root: undefined` must not lift the root of the defaults.
 *
 * Without a root, the defaults that concern its paths are omitted.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`, if the options of the call are not an object
 */
export function mergeOptions<D extends object, O extends object>(
  defaults: D,
  own: O | undefined,
): D & O
export function mergeOptions(defaults: Options, own: Options | undefined): Options {
  if (own !== undefined) validateObject('options', own)
  const merged: Record<string, unknown> = { ...defaults, ...own }
  for (const name in own) {
    if (own[name] === undefined) merged[name] = defaults[name]
  }
  if (merged['root'] === undefined) {
    for (const name of companionsOfRoot) {
      const isOwn = own?.[name] !== undefined
      if (!isOwn && merged[name] !== undefined) merged[name] = undefined
    }
  }
  return merged
}

/**
 * Throws for options that can never work.
 *
 * @throws TypeError `ERR_UNKNOWN_OPTION` for an option that the call does not have; TypeError or
 *   RangeError
 *   `ERR_INVALID_…`
 */
export function validateOptions(options: SendOptions, call: OptionCall = 'sendRange'): void {
  validateObject('options', options)
  validateOptionNames(call, options)
  const { type, etag, lastModified, cacheControl, headers, signal } = options
  if (type !== undefined) validateType(type)
  validateMetadata({
    etag: typeof etag === 'boolean' || typeof etag === 'function' ? undefined : etag,
    lastModified: typeof lastModified === 'boolean' ? undefined : lastModified,
  })
  if (cacheControl !== undefined && typeof cacheControl !== 'boolean') {
    validateFieldValue('cacheControl', cacheControl)
  }
  if (options.filename !== undefined) validateFilename(options.filename)
  validateOneOf('disposition', options.disposition, dispositions)
  validateOneOf('reads', options.reads, readings)
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
  validateCount('maxResponse', options.maxResponse, 1)
  if (options.pace !== undefined) validatePace(options.pace)
  if (options.maxAge !== undefined) parseMaxAge(options.maxAge)
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'signal must be an AbortSignal')
  }
  validateFunction('onTransfer', options.onTransfer)
  // A typo must not silently expose or hide dotfiles.
  validateOneOf('dotfiles', options.dotfiles, dotfileRules)
  if (options.root !== undefined) validateRoot(options.root)
}

const dispositions = ['inline', 'attachment'] as const
const readings = ['adaptive', 'async'] as const
const dotfileRules = ['allow', 'deny', 'ignore'] as const

function validateType(type: unknown): void {
  validateFieldValue('type', type)
  if (expandType(type) !== undefined) return
  throw invalidArgument(
    'ERR_INVALID_FIELD',
    `Cannot use type: write a media type such as 'video/mp4' or a known extension such as 'mp4', got ${JSON.stringify(type)}`,
  )
}

function validateFilename(filename: unknown): void {
  try {
    if (typeof filename === 'string' && filename !== '' && contentDisposition(filename)) return
  } catch {
    // A lone surrogate, which cannot be encoded.
  }
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `filename must be well-formed text, and not empty, got ${JSON.stringify(filename)}`,
  )
}

/**
 * Throws if a call says how paths below a root are treated, but has no root: the caller would
 * wrongly take its path to be confined.
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
