import contentDisposition from 'content-disposition'
import { invalidArgument, outOfRange } from './errors.ts'
import type { FileSource } from './files/file-source.ts'
import { typeOf } from './files/media-type.ts'
import type { FileStats } from './files/validators.ts'
import { validateFieldValue, validateMetadata } from './sources/source.ts'
import type { ResponseFields } from './semantics/fields.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { isStatusOfWhole, type PlanOptions } from './semantics/plan-options.ts'
import type { Representation } from './semantics/representation.ts'
import type { Transfer } from './transfer.ts'

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

/** What was set on the response before: it counts as said by the caller. */
export interface Preset extends PresetFields {
  /** A status that the whole cannot have says nothing: those are what an answer comes to. */
  readonly status?: number | undefined
  /**
   * The response has all of its fields, as one that passes a filter has. A Content-Type that it lacks
   * stays out of every response made of it. Default `false`.
   */
  readonly isComplete?: boolean | undefined
}

/** Of the fields, those that say what is being served. */
export interface PresetFields {
  readonly type?: string | undefined
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
  readonly cacheControl?: string | undefined
}

/** What `planResponse` takes for a source, the options, and what the response has already. */
export function describe(
  source: Representation,
  options: SendOptions,
  preset: Preset,
): { representation: Representation; planOptions: PlanOptions } {
  const said = options.headers ? { ...preset, ...pickPreset(options.headers) } : preset
  const type =
    options.type ??
    said.type ??
    (preset.isComplete ? undefined : sourceType(source, options.filename))
  const etag = chooseEtag(source, options.etag, said.etag)
  const lastModified = chooseLastModified(source, options.lastModified, said.lastModified)
  const representation: { -readonly [name in keyof Representation]: Representation[name] } = {
    length: source.length,
    seekable: source.seekable ?? true,
  }
  if (type !== undefined) representation.type = type
  if (etag !== undefined) representation.etag = etag
  if (lastModified !== undefined) {
    representation.lastModified = lastModified
    // It says when the source's own date is strong, not the caller's.
    if (source.lastChanged instanceof Date && lastModified === source.lastModified) {
      representation.lastChanged = source.lastChanged
    }
  }
  const headers = furtherFields(options, said.cacheControl)
  const planOptions: PlanOptions = headers ? { ...options, headers } : options
  const { status = 200 } = preset
  if (status === 200 || !isStatusOfWhole(status)) return { representation, planOptions }
  return { representation, planOptions: { ...planOptions, status } }
}

/** The fields of a record, in whatever case, that say what is being served. */
export function pickPreset(fields: {
  readonly [name: string]: number | string | readonly string[] | undefined
}): PresetFields {
  const preset: { -readonly [name in keyof PresetFields]: string } = {}
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined) continue
    switch (name.toLowerCase()) {
      case 'content-type':
        preset.type = String(value)
        break
      case 'etag':
        preset.etag = String(value)
        break
      case 'last-modified':
        preset.lastModified = String(value)
        break
      case 'cache-control':
        preset.cacheControl = String(value)
        break
    }
  }
  return preset
}

/** The same of fields that can be looked up, by their names in lower case. */
export function presetOf(
  field: (name: string) => number | string | readonly string[] | undefined,
): PresetFields {
  return {
    type: toText(field('content-type')),
    etag: toText(field('etag')),
    lastModified: toText(field('last-modified')),
    cacheControl: toText(field('cache-control')),
  }
}

function toText(value: number | string | readonly string[] | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : String(value)
}

/**
 * Refuses options that can never work.
 *
 * @throws TypeError or RangeError `ERR_INVALID_…`
 */
export function validateOptions(options: SendOptions): void {
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

/** Refuses what cannot be called when the time comes. */
export function validateFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw invalidArgument('ERR_INVALID_ARGUMENT', `${name} must be a function, got ${typeof value}`)
}

/** A slip of the pen must not have dotfiles served, nor denied to whom they were allowed. */
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

function validateCount(name: string, value: number | undefined): void {
  if (value === undefined || value === Infinity) return
  if (!Number.isSafeInteger(value) || value < 0) {
    throw outOfRange(
      'ERR_INVALID_ARGUMENT',
      `${name} must be a non-negative integer or Infinity, got ${String(value)}`,
    )
  }
}

/** What nobody knows the type of is bytes. */
function sourceType(source: Representation, filename: string | undefined): string {
  const named = filename === undefined ? undefined : typeOf(filename)
  return source.type ?? named ?? 'application/octet-stream'
}

function chooseEtag(
  source: Representation,
  option: SendOptions['etag'],
  preset: string | undefined,
): string | undefined {
  if (option === false) return undefined
  if (typeof option === 'string') return option
  if (typeof option === 'function') {
    const { stats } = source as Partial<FileSource>
    if (!stats) {
      throw invalidArgument('ERR_INVALID_ETAG', 'An etag function is for files: there are no stats')
    }
    const etag = option(stats)
    validateMetadata({ etag })
    return etag
  }
  return preset ?? source.etag
}

function chooseLastModified(
  source: Representation,
  option: SendOptions['lastModified'],
  preset: string | undefined,
): Date | undefined {
  if (option === false) return undefined
  if (option instanceof Date) return option
  return preset === undefined ? source.lastModified : parseHttpDate(preset, Date.now())
}

/** `undefined` where there are no other than the options' own. */
function furtherFields(
  options: SendOptions,
  preset: string | undefined,
): ResponseFields | undefined {
  const cacheControl = chooseCacheControl(options, preset)
  const { headers, filename } = options
  if (cacheControl === undefined && filename === undefined) return undefined
  const fields: Record<string, string | readonly string[]> = { ...headers }
  if (cacheControl !== undefined) fields['Cache-Control'] = cacheControl
  if (filename !== undefined) {
    // Latin-1 in a field is read in as many ways as there are clients, and garbled by Node where it
    // knows the length: what is not ASCII has the form of RFC 8187.
    const fallback = filename.replace(/[^\x20-\x7e]/gu, '?')
    fields['Content-Disposition'] = contentDisposition(filename, { fallback })
  }
  return fields
}

function chooseCacheControl(
  { cacheControl, maxAge, immutable }: SendOptions,
  preset: string | undefined,
): string | undefined {
  if (typeof cacheControl === 'string') return cacheControl
  // As in `send`: maxAge is for all files of a folder, a field is about this one.
  if (preset !== undefined) return preset
  if (cacheControl === false || maxAge === undefined) return undefined
  const seconds = Math.floor(parseMaxAge(maxAge) / 1000)
  return `public, max-age=${seconds}${immutable === true ? ', immutable' : ''}`
}

/** In the order of the groups below. */
const unitMs = [1, 1000, 60_000, 3_600_000, 86_400_000, 604_800_000, 31_557_600_000]
const duration =
  /^(\d+(?:\.\d+)?) ?(?:(ms|milliseconds?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hours?)|(d|days?)|(w|weeks?)|(y|years?))?$/i
/** A year is the most that is of use (RFC 9111 §5.2.2.1). */
const longestMs = 31_536_000_000

function parseMaxAge(maxAge: number | string): number {
  const [, count, ...units] = (typeof maxAge === 'string' && duration.exec(maxAge)) || []
  const unit = units.findIndex((name) => name !== undefined)
  const ms = count === undefined ? maxAge : Number(count) * (unitMs[unit] ?? 1)
  if (typeof ms !== 'number' || !(ms >= 0)) {
    throw outOfRange(
      'ERR_INVALID_ARGUMENT',
      `maxAge must be milliseconds or a duration such as '1d', got ${JSON.stringify(maxAge)}`,
    )
  }
  return Math.min(ms, longestMs)
}
