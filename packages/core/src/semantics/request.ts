// The part of a request that decides a response.

/** Header fields as Node has them (names in lower case), or a Fetch `Headers`. */
export type RequestFields =
  | { readonly [name: string]: string | readonly string[] | undefined }
  | { get(name: string): string | null }

/** The part of a request that decides an answer. Node's, Express's, Koa's and Fetch's all have it. */
export interface RangeRequest {
  readonly method?: string | undefined
  readonly headers: RequestFields
  /** The field lines as received, name and value in turn: tells two Range lines from one. */
  readonly rawHeaders?: readonly string[]
}

/** A request's field value, its field lines joined (§5.2); `undefined` where it has none. */
export function fieldValue(request: RangeRequest, name: string): string | undefined {
  const { headers, rawHeaders } = request
  if (rawHeaders && ':method' in headers) return joinedLines(rawHeaders, name)
  const value =
    typeof headers.get === 'function'
      ? (headers.get(name) ?? undefined)
      : (headers as Record<string, string | readonly string[] | undefined>)[name]
  return value === undefined || typeof value === 'string' ? value : value.join(', ')
}

/** Of an HTTP/2 request, Node keeps the first line alone of most fields. */
function joinedLines(rawHeaders: readonly string[], name: string): string | undefined {
  let joined: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i] !== name) continue
    const value = rawHeaders[i + 1]!
    joined = joined === undefined ? value : `${joined}, ${value}`
  }
  return joined
}

/** How many field lines of that name the request carries, as far as it can tell. */
export function fieldLineCount(request: RangeRequest, name: string): number {
  const { headers, rawHeaders } = request
  if (rawHeaders) {
    let count = 0
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]!.toLowerCase() === name) count++
    }
    return count
  }
  const value = typeof headers.get === 'function' ? headers.get(name) : headers[name as 'get']
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

/** Whether a request asks for anything but the whole, whatever it is now. */
export function isConditional({ headers }: { headers: object }): boolean {
  for (const name of conditions) if (name in headers) return true
  return false
}
