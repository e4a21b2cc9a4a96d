// Which fields of the 200 another answer carries, and how they change: RFC 9110 §15.3.7, §15.4.5.

/** Response fields; several field lines of one name are a list. */
export type ResponseFields = Readonly<Record<string, string | readonly string[]>>

/** They describe the content of the 200, which these answers do not have. */
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

/** They say what the representation is and how long it may be kept, which an error must not. */
const representationFields = new Set([
  'content-location',
  'etag',
  'last-modified',
  'cache-control',
  'expires',
])

/**
 * Whether an answer of this status leaves out a field that the 200 would carry.
 *
 * 206 keeps all but digests of the whole content; 304 what describes no content (§15.4.5); 412 and
 * 416 only what is about the exchange: CORS, Vary, cookies, security policy. Any other is the whole.
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

/** By their names in lower case. Content goes out under its length, so no plan has Transfer-Encoding. */
const plannedFields: ReadonlyMap<string, string> = new Map(
  [
    'Accept-Ranges',
    'Content-Length',
    'Content-Range',
    'Content-Type',
    'ETag',
    'Last-Modified',
    'Transfer-Encoding',
  ].map((name) => [name.toLowerCase(), name]),
)

/**
 * Whether a field follows from the representation and the plan, so that nothing else can give it.
 *
 * @param name in lower case
 */
export function isPlanned(name: string): boolean {
  return plannedFields.has(name)
}

/**
 * Whether a field that a response has must go, since a planned answer neither has nor allows it.
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

/** What Content-Length says (§8.6), whatever it was set to; `undefined` where that is no length. */
export function parseContentLength(value: unknown): number | undefined {
  const length = Number(value)
  return /^\d+$/.test(String(value)) && Number.isSafeInteger(length) ? length : undefined
}

/**
 * Whether the fields of a 200 let its content be cut: it is no range itself, its length is not left
 * open, and nobody has said that it must not be.
 *
 * @param field what the answer says in a field, by its name in lower case
 */
export function mayBeCut(field: (name: string) => unknown): boolean {
  return (
    field('content-range') === undefined &&
    field('transfer-encoding') === undefined &&
    String(field('accept-ranges')).toLowerCase() !== 'none' &&
    !/^\s*multipart\/byteranges/i.test(String(field('content-type')))
  )
}
