// What an upstream did wrong, as the status that the client gets.

import { codeOf, sourceError, type SourceError } from '@range-serve/core/sources'

/** The codes of errors of an upstream. The meaning of a code never changes. */
export type UpstreamErrorCode =
  | 'ERR_NOT_FOUND'
  | 'ERR_SOURCE_CHANGED'
  | 'ERR_UPSTREAM'
  | 'ERR_UPSTREAM_BUSY'
  | 'ERR_UPSTREAM_FORBIDDEN'
  | 'ERR_UPSTREAM_NO_RANGES'
  | 'ERR_UPSTREAM_RESET'
  | 'ERR_UPSTREAM_TIMEOUT'

const statusOf: Readonly<Record<UpstreamErrorCode, number>> = {
  ERR_NOT_FOUND: 404,
  // Found twice in a row: the content is being replaced again and again.
  ERR_SOURCE_CHANGED: 503,
  ERR_UPSTREAM: 502,
  ERR_UPSTREAM_BUSY: 503,
  ERR_UPSTREAM_FORBIDDEN: 502,
  ERR_UPSTREAM_NO_RANGES: 502,
  ERR_UPSTREAM_RESET: 502,
  ERR_UPSTREAM_TIMEOUT: 504,
}

const transientCodes: ReadonlySet<string> = new Set([
  'ERR_UPSTREAM_BUSY',
  'ERR_UPSTREAM_RESET',
  'ERR_UPSTREAM_TIMEOUT',
])
/** The errors of upstreams, and whether they are transient if that differs from what the code says. */
const made = new WeakMap<object, boolean | undefined>()

/** How an error differs from what its code says. */
export interface ErrorDetails {
  readonly status?: number | undefined
  /** Whether a second attempt may succeed. */
  readonly isTransient?: boolean | undefined
  /** Never an error of fetch, whose text may hold a signed URL. */
  readonly cause?: unknown
  readonly retryAfter?: string | null | undefined
}

/** Makes the error of an upstream. The message must not hold its URL, which may be signed. */
export function upstreamError(
  code: UpstreamErrorCode,
  message: string,
  { status = statusOf[code], isTransient, cause, retryAfter }: ErrorDetails = {},
): SourceError {
  const error = sourceError(status, code, message, {
    ...(cause === undefined ? {} : { cause }),
    ...(status === 503 ? { headers: { 'Retry-After': toDelay(retryAfter) } } : {}),
  })
  made.set(error, isTransient)
  return error
}

/** Seconds as an upstream says them, within bounds. */
function toDelay(retryAfter: string | null | undefined): string {
  return retryAfter !== undefined && retryAfter !== null && /^\d{1,4}$/.test(retryAfter)
    ? retryAfter
    : '1'
}

/** Whether a second attempt may succeed. */
export function mayRetry(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  return made.get(error) ?? transientCodes.has(codeOf(error) ?? '')
}

/** Whether an error was made by {@link upstreamError}. */
export function isOurs(error: unknown): error is SourceError {
  return typeof error === 'object' && error !== null && made.has(error)
}

/**
 * The error that a status of an upstream stands for.
 *
 * @param name what the upstream calls the error, such as `AccessDenied`
 */
export function statusError(
  upstream: string,
  status: number,
  details: ErrorDetails & { readonly name?: string; readonly forbiddenStatus?: number } = {},
): SourceError {
  const { name, forbiddenStatus, ...rest } = details
  const said = `${upstream} responded with ${status}${name === undefined ? '' : ` ${name}`}`
  if (status === 404 || status === 410) return upstreamError('ERR_NOT_FOUND', said, rest)
  if (status === 401 || status === 403) {
    return upstreamError('ERR_UPSTREAM_FORBIDDEN', said, { ...rest, status: forbiddenStatus })
  }
  // Only a range that the content had is requested.
  if (status === 412 || status === 416) return upstreamError('ERR_SOURCE_CHANGED', said, rest)
  if (status === 429 || status === 503) return upstreamError('ERR_UPSTREAM_BUSY', said, rest)
  if (status === 408 || status === 504) return upstreamError('ERR_UPSTREAM_TIMEOUT', said, rest)
  return upstreamError('ERR_UPSTREAM', said, { isTransient: status >= 500, ...rest })
}
