// The selected representation (RFC 9110 §3.2): what is served, from its source, the options, and
// the fields that are already set on the response.

import contentDisposition from 'content-disposition'
import { invalidArgument } from './errors.ts'
import type { FileSource } from './files/file-source.ts'
import { expandType, typeOf } from './media-type.ts'
import type { SendOptions } from './options.ts'
import { formatCacheControl } from './semantics/cache-control.ts'
import type { FieldLookup, ResponseFields } from './semantics/fields.ts'
import { tagOfVariant } from './semantics/entity-tag.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { isStatusOfWhole, type PlanOptions } from './semantics/plan-options.ts'
import type { Representation } from './semantics/representation.ts'
import { addVary } from './semantics/vary.ts'
import { tagOf } from './sources/bytes-tag.ts'
import type { DirectSource, Source } from './sources/source.ts'
import { validateMetadata } from './validate.ts'

/** What is known about a response before it is decided. */
export interface ResponseState {
  /**
   * The fields set on it. Those that describe the representation take precedence over the source.
   */
  readonly set: FieldLookup
  /**
   * The status set on it, such as 404 for an error page; a status that no full response has is
   * ignored.
   */
  readonly status?: number | undefined
  /**
   * Whether its fields are complete, as in a filter: without a Content-Type, no response made of it
   * gets one. Default `false`.
   */
  readonly isComplete?: boolean | undefined
  /** Whether other code may encode its content on the way. Default `false`. */
  readonly isEncodable?: boolean | undefined
}

/** Selects the representation of a source, and the options to plan a response with. */
export function selectRepresentation(
  source: Representation & Pick<Source, 'acceptRanges' | 'cacheControl'>,
  options: SendOptions,
  response: ResponseState,
): { readonly representation: Representation; readonly planOptions: PlanOptions } {
  const { status = 200, isComplete = false } = response
  const field = options.headers ? withHeaders(options.headers, response.set) : response.set
  const type = chooseType(source, options, field, isComplete)
  const etag = chooseEtag(source, options.etag, field)
  const { variant } = source as Partial<FileSource>
  const lastModified = chooseLastModified(source, options.lastModified, field)
  const representation: { -readonly [name in keyof Representation]: Representation[name] } = {
    length: source.length,
    seekable: source.seekable ?? true,
  }
  if (source.isGrowing === true) representation.isGrowing = true
  if (type !== undefined) representation.type = type
  if (etag !== undefined) {
    const coding = variant?.coding
    representation.etag = coding === undefined ? etag : tagOfVariant(etag, coding)
  }
  if (lastModified !== undefined) {
    representation.lastModified = lastModified
    // It tells when the source's own date is strong, not the caller's.
    if (source.lastChanged instanceof Date && lastModified === source.lastModified) {
      representation.lastChanged = source.lastChanged
    }
  }
  const headers = furtherFields(options, field, variant, source.cacheControl)
  let planOptions: PlanOptions = headers ? { ...options, headers } : options
  if (source.acceptRanges === false) planOptions = { ...planOptions, acceptRanges: false }
  if (response.isEncodable === true) planOptions = { ...planOptions, isEncodable: true }
  if (status === 200 || !isStatusOfWhole(status)) return { representation, planOptions }
  return { representation, planOptions: { ...planOptions, status } }
}

/** Looks up fields of the options, in any case, before those that are set. */
function withHeaders(headers: ResponseFields, set: FieldLookup): FieldLookup {
  const own = new Map<string, string | readonly string[]>()
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) own.set(name.toLowerCase(), value)
  }
  return (name) => own.get(name) ?? set(name)
}

/** A field's value as text. */
export function text(value: ReturnType<FieldLookup>): string | undefined {
  return value === undefined || typeof value === 'string' ? value : String(value)
}

/** A representation of unknown type is bytes, unless its 200 goes out without a type. */
function chooseType(
  source: Representation,
  { type, filename }: SendOptions,
  field: FieldLookup,
  isComplete: boolean,
): string | undefined {
  if (type !== undefined) return expandType(type)
  const set = text(field('content-type'))
  if (set !== undefined || isComplete) return set
  const { type: own } = source
  if (own === undefined) {
    return (filename === undefined ? undefined : typeOf(filename)) ?? 'application/octet-stream'
  }
  // A source's type is not checked beyond what a field can hold: an unknown type is sent unchanged.
  return own.includes('/') ? own : (expandType(own) ?? own)
}

function chooseEtag(
  source: Representation,
  option: SendOptions['etag'],
  field: FieldLookup,
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
  const etag = text(field('etag')) ?? source.etag
  if (etag !== undefined || option !== true) return etag
  const { bytes } = source as Partial<DirectSource>
  return bytes && 'isDirect' in source ? tagOf(bytes) : undefined
}

function chooseLastModified(
  source: Representation,
  option: SendOptions['lastModified'],
  field: FieldLookup,
): Date | undefined {
  if (option === false) return undefined
  if (option instanceof Date) return option
  const set = text(field('last-modified'))
  return set === undefined ? source.lastModified : parseHttpDate(set, Date.now())
}

/** `undefined` if there are no fields besides `headers` of the options. */
function furtherFields(
  options: SendOptions,
  field: FieldLookup,
  variant: FileSource['variant'],
  ownCacheControl: string | undefined,
): ResponseFields | undefined {
  const cacheControl = chooseCacheControl(options, field, ownCacheControl)
  const disposition = formatDisposition(options)
  if (cacheControl === undefined && disposition === undefined && !variant) return undefined
  const own: Record<string, string> = {}
  if (cacheControl !== undefined) own['Cache-Control'] = cacheControl
  if (disposition !== undefined) own['Content-Disposition'] = disposition
  if (variant) {
    own['Vary'] = addVary(text(field('vary')), 'Accept-Encoding')
    if (variant.coding !== undefined) own['Content-Encoding'] = variant.coding
  }
  return options.headers ? { ...without(options.headers, own), ...own } : own
}

/** Fields without those of the same name in any case, so that no name is sent twice. */
function without(fields: ResponseFields, replaced: ResponseFields): ResponseFields {
  const names = new Set(Object.keys(replaced).map((name) => name.toLowerCase()))
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !names.has(name.toLowerCase())),
  )
}

/** Content-Disposition (RFC 6266); `undefined` if the options do not set it. */
function formatDisposition({ filename, disposition }: SendOptions): string | undefined {
  if (filename === undefined) return disposition
  // Clients read Latin-1 in a field in different ways, and Node garbles it if it knows the length,
  // so a name that is not ASCII has the form of RFC 8187.
  const fallback = filename.replace(/[^\x20-\x7e]/gu, '?')
  return contentDisposition(filename, { fallback, type: disposition ?? 'attachment' })
}

function chooseCacheControl(
  { cacheControl, maxAge, immutable }: SendOptions,
  field: FieldLookup,
  own: string | undefined,
): string | undefined {
  if (typeof cacheControl === 'string') return cacheControl
  // As in `send`: maxAge applies to all files of a folder, a field to this one.
  const set = text(field('cache-control'))
  if (set !== undefined) return set
  if (cacheControl === false) return undefined
  if (maxAge === undefined) return own
  return formatCacheControl(maxAge, immutable === true)
}
