// Which fields of the 200 the other responses carry: RFC 9110 §15.3.7, §15.4.5.

/** A field's value by its lower-case name: of a response, of options, of what `writeHead` was given. */
export type FieldLookup = (name: string) => number | string | readonly string[] | undefined

/** Response fields; several field lines of one name are a list. */
export type ResponseFields = Readonly<Record<string, string | readonly string[]>>

/** Fields that describe the content of the 200, which a 304, 412 or 416 does not have. */
const contentFields = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-range',
  'content-disposition',
  'content-md5',
  'content-digest',
])

/** Fields that identify the representation or let caches store it, which an error must not. */
const representationFields = new Set([
  'content-location',
  'etag',
  'last-modified',
  'cache-control',
  'expires',
])

/**
 * Whether a response of this status omits a field that the 200 would carry.
 *
 * A 206 keeps all but digests of the full content; a 304 all that does not describe content
 * (§15.4.5); a 412 or 416 only what concerns the exchange: CORS, Vary, cookies, security policy. Any
 * other status is that of a full response.
 *
 * @param name in lower case
 */
export function isWithheld(status: number, name: string): boolean {
  switch (status) {
    case 206:
      return name === 'content-md5' || name === 'content-digest'
    case 304:
      return contentFields.has(name)
    case 412:
    case 416:
      return contentFields.has(name) || representationFields.has(name)
    default:
      return false
  }
}

const plannedNames = [
  'Accept-Ranges',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'ETag',
  'Last-Modified',
  'Transfer-Encoding',
]

/** By name in lower case. Every plan states the length of its content, so none has Transfer-Encoding. */
const plannedFields: ReadonlyMap<string, string> = new Map(
  plannedNames.map((name) => [name.toLowerCase(), name]),
)

/** The names that most plans have. A string that is made for a look-up makes that slow. */
const lowerCases: ReadonlyMap<string, string> = new Map(
  [...plannedNames, 'Cache-Control', 'Vary'].map((name) => [name, name.toLowerCase()]),
)

/** The name of a field in lower case. */
export function toLowerCase(name: string): string {
  return lowerCases.get(name) ?? name.toLowerCase()
}

/**
 * Whether a field follows from the representation and the plan alone, whatever else sets it.
 *
 * @param name in lower case
 */
export function isPlanned(name: string): boolean {
  return plannedFields.has(name)
}

/**
 * Whether a field already set on a response must be removed, since the plan neither sets nor allows it.
 *
 * @param name in lower case
 */
export function isStale(
  { status, headers }: { readonly status: number; readonly headers: ResponseFields },
  name: string,
): boolean {
  const planned = plannedFields.get(name)
  return planned === undefined ? isWithheld(status, name) : headers[planned] === undefined
}

/** Parses a Content-Length (§8.6) of any type; returns `undefined` unless it is a valid length. */
export function parseContentLength(value: unknown): number | undefined {
  const length = Number(value)
  return /^\d+$/.test(String(value)) && Number.isSafeInteger(length) ? length : undefined
}

/** The fields that can forbid it to cut the content of a 200. */
export const cutting: readonly string[] = [
  'accept-ranges',
  'content-range',
  'content-type',
  'trailer',
  'transfer-encoding',
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-sendfile',
]

/**
 * Whether the fields of a 200 allow its content to be cut.
 *
 * @param field looks up a field of the response by its name in lower case
 * @param names the names of all fields that the response has, in lower case, if they are at hand
 */
export function mayBeCut(field: FieldLookup, names: readonly string[] = cutting): boolean {
  for (const name of names) if (forbidsCut(name, field)) return false
  return true
}

function forbidsCut(name: string, field: FieldLookup): boolean {
  switch (name) {
    case 'accept-ranges':
      return String(field(name)).toLowerCase() === 'none'
    case 'content-type':
      return isByteranges(String(field(name)))
    // It is a range itself, or its length is left open.
    case 'content-range':
    case 'trailer':
    case 'transfer-encoding':
    // A proxy in front is told to send a file in its place, ranges of it included.
    case 'x-accel-redirect':
    case 'x-lighttpd-send-file':
    case 'x-sendfile':
      return field(name) !== undefined
    default:
      return false
  }
}

/**
 * Whether content is a range already. Most types do not even begin like it, and need no regular
 * expression.
 */
export function isByteranges(type: string): boolean {
  const first = type.charCodeAt(0)
  const mayBe = first === 0x6d || first === 0x4d || first <= 0x20
  return mayBe && /^\s*multipart\/byteranges/i.test(type)
}
