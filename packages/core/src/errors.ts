/**
 * What went wrong, for programs; the message is for people. The meaning of a code never changes.
 */
export type ErrorCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_INVALID_LENGTH'
  | 'ERR_INVALID_ETAG'
  | 'ERR_INVALID_FIELD'
  | 'ERR_UNKNOWN_OPTION'
  | 'ERR_NOT_CALLED'
  | 'ERR_NOT_MOUNTED'
  | 'ERR_WRONG_FRAMEWORK'
  | 'ERR_RELATIVE_PATH'
  | 'ERR_HEADERS_SENT'
  | 'ERR_OUTSIDE_ROOT'
  | 'ERR_DOTFILE'
  | 'ERR_BAD_PATH'
  | 'ERR_NOT_A_FILE'
  | 'ERR_NOT_FOUND'
  | 'ERR_SOURCE_TOO_SHORT'
  | 'ERR_SOURCE_CHANGED'
  | 'ERR_SOURCE_CONSUMED'

/** A call that can never work: thrown at the call, before any I/O. */
export function invalidArgument(code: ErrorCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code })
}

/** A number that no representation or option can have: thrown at the call, before any I/O. */
export function outOfRange(code: ErrorCode, message: string): RangeError {
  return Object.assign(new RangeError(message), { code })
}

/**
 * A source that cannot be served: what a framework needs to respond, without text for the client.
 */
export interface SourceError extends Error {
  /** A code of this package (`ERR_…`) or of the system (`ENOENT`). */
  readonly code: string
  /** The status to respond with: 400, 403, 404, 500, 502, 503 or 504. */
  readonly status: number
  /** The same, under the name that Express and http-errors also know. */
  readonly statusCode: number
  /** `false`: the message is for the operator. */
  readonly expose: false
  /** The file that the error is about, if any. */
  readonly path?: string
  /** Fields of the response, such as Retry-After, which Express and Koa send with the status. */
  readonly headers?: { readonly [name: string]: string }
}

/**
 * Makes a {@link SourceError}. The path is kept out of the message, since some frameworks print
 * messages.
 */
export function sourceError(
  status: number,
  code: string,
  message: string,
  details: { path?: string; cause?: unknown; headers?: SourceError['headers'] } = {},
): SourceError {
  const { path, cause, headers } = details
  const error = new Error(message, cause === undefined ? undefined : { cause })
  const properties = { status, statusCode: status, code, expose: false as const }
  if (path !== undefined) Object.assign(properties, { path })
  if (headers !== undefined) Object.assign(properties, { headers })
  return Object.assign(error, properties)
}

/** A thrown value as an Error; a source may reject with anything. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('The source failed', { cause: thrown })
}

const statusOf: Readonly<Record<string, number>> = {
  ENOENT: 404,
  ENOTDIR: 404,
  ENAMETOOLONG: 404,
  ELOOP: 404,
  EISDIR: 404,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
}

/** The `code` of a thrown value; `undefined` unless it has one, as text. */
export function codeOf(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** Whether what was thrown says which status to respond with, as a {@link SourceError} does. */
export function hasStatus(thrown: unknown): thrown is { readonly status: unknown } {
  return typeof thrown === 'object' && thrown !== null && 'status' in thrown
}

/** An error of the file system as a {@link SourceError}. */
export function fileError(cause: unknown, path: string): SourceError {
  const code = codeOf(cause) ?? 'EIO'
  return sourceError(statusOf[code] ?? 500, code, `Cannot send the file: ${code}`, { path, cause })
}
