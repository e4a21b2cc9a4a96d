// The part of a request that decides a response.

/** Header fields as in Node (names in lower case), or a Fetch `Headers`. */
export type RequestFields = NodeFields | FetchFields

/** The part of a request that decides a response. Requests of Node, Express, Koa and Fetch all have it. */
export interface RangeRequest {
  readonly method?: string | undefined
  readonly headers: RequestFields
  /** The field lines as received, names and values alternating: tells two Range lines from one. */
  readonly rawHeaders?: readonly string[] | undefined
}

/** Fields as Node has them: by name in lower case. */
interface NodeFields {
  readonly [name: string]: string | readonly string[] | undefined
}
/** The part of a Fetch `Headers` that is needed. */
interface FetchFields {
  get(name: string): string | null
}

/** A request that sends a field called `get` has a string there. */
function isFetch(fields: RequestFields): fields is FetchFields {
  return typeof fields.get === 'function'
}

/** A request's field value, its field lines joined (§5.2); `undefined` if it has none. */
export function fieldValue(request: RangeRequest, name: string): string | undefined {
  const { headers, rawHeaders } = request
  if (rawHeaders && ':method' in headers) return joinedLines(rawHeaders, name)
  const value = isFetch(headers) ? (headers.get(name) ?? undefined) : headers[name]
  return value === undefined || typeof value === 'string' ? value : value.join(', ')
}

/** For an HTTP/2 request, whose `headers` hold only the first line of most fields. */
function joinedLines(rawHeaders: readonly string[], name: string): string | undefined {
  let joined: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i] !== name) continue
    const value = rawHeaders[i + 1]!
    joined = joined === undefined ? value : `${joined}, ${value}`
  }
  return joined
}

/** The number of field lines of this name, as far as the request tells. */
export function fieldLineCount(request: RangeRequest, name: string): number {
  const { headers, rawHeaders } = request
  if (rawHeaders) {
    let count = 0
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]!.toLowerCase() === name) count++
    }
    return count
  }
  const value = isFetch(headers) ? headers.get(name) : headers[name]
  if (Array.isArray(value)) return value.length
  return value === undefined || value === null ? 0 : 1
}

const conditions = [
  'range',
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
] as const

/** Request headers, for the conditions among them. */
export type Conditions = { readonly [name in (typeof conditions)[number]]?: unknown }

/** By the length of their names, which are all different. */
const conditionsByLength: (string | undefined)[] = []
for (const name of conditions) conditionsByLength[name.length] = name

/** Whether a request may get anything but the full response. */
export function hasCondition({ headers }: { readonly headers: Conditions }): boolean {
  return (
    headers.range !== undefined ||
    headers['if-none-match'] !== undefined ||
    headers['if-modified-since'] !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-unmodified-since'] !== undefined
  )
}

/**
 * Whether a field makes a request one that may get anything but the full response.
 *
 * @param name in any case
 */
export function isCondition(name: string): boolean {
  const condition = conditionsByLength[name.length]
  return condition !== undefined && name.toLowerCase() === condition
}
