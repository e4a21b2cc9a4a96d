// The options that all sources over a network have.

import {
  invalidArgument,
  type Representation,
  type Source,
  validateCount,
  validateObject,
  validateSource,
} from '@range-serve/core/sources'

/** What is known of the content of an upstream. */
export interface RemoteMetadata
  extends
    Pick<Representation, 'length' | 'type' | 'etag' | 'lastModified'>,
    Pick<Source, 'acceptRanges' | 'cacheControl'> {}

/** How a source over a network is read. */
export interface RemoteOptions {
  /**
   * The metadata, if it is known already, as from a database: it is not requested then. `etag` and
   * `lastModified` must be those of the upstream, since each read is pinned to them. If they are out
   * of date, the metadata is requested after all.
   */
  readonly meta?: RemoteMetadata
  /**
   * How long metadata is kept for further requests, in milliseconds, in a table of at most 1,000
   * entries. For that time a range costs one upstream request; a HEAD, a 304 and a 416 cost none,
   * and may be out of date by as much. Default 0: it is requested for each source.
   */
  readonly metadataTtl?: number
  /** The time in which each upstream request must get its header, in milliseconds. Default 10,000. */
  readonly timeout?: number
  /**
   * The longest pause of an upstream while its content is waited for, in milliseconds: the time of a
   * slow client does not count. Default 30,000.
   */
  readonly idleTimeout?: number
  /**
   * How often one read is tried again, or continued from where it broke off. Default 2.
   */
  readonly retries?: number
  /**
   * The status of a response if the upstream refuses (401 or 403). Default 502: the server lacks a
   * right, not its client. S3 responds with 403 for a missing key to a client that may not list.
   */
  readonly forbiddenStatus?: 403 | 404 | 502
  /** Ends the request for metadata. Reads end with the response that they are for. */
  readonly signal?: AbortSignal
}

/** The options that bound the work. */
export type Limits = Required<
  Pick<RemoteOptions, 'timeout' | 'idleTimeout' | 'retries' | 'forbiddenStatus' | 'metadataTtl'>
>

const names = [
  'meta',
  'metadataTtl',
  'timeout',
  'idleTimeout',
  'retries',
  'forbiddenStatus',
  'signal',
]

/**
 * Checks options, and adds the defaults.
 *
 * @param caller the function that takes them, for messages
 * @param furtherNames of options that it alone has
 * @throws TypeError or RangeError with a `code`
 */
export function validateRemoteOptions(
  caller: string,
  options: RemoteOptions,
  furtherNames: readonly string[] = [],
): Limits {
  validateObject('options', options)
  const known = [...names, ...furtherNames]
  for (const name in options) {
    if (known.includes(name) || Reflect.get(options, name) === undefined) continue
    throw invalidArgument(
      'ERR_UNKNOWN_OPTION',
      `${caller} has no option ${JSON.stringify(name)}: it takes ${known.join(', ')}`,
    )
  }
  const { metadataTtl = 0, timeout = 10_000, idleTimeout = 30_000 } = options
  const { retries = 2, forbiddenStatus = 502, meta, signal } = options
  validateCount('metadataTtl', metadataTtl)
  validateCount('timeout', timeout, 1)
  validateCount('idleTimeout', idleTimeout, 1)
  validateCount('retries', retries)
  if (![403, 404, 502].includes(forbiddenStatus)) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `forbiddenStatus must be 403, 404 or 502, got ${String(forbiddenStatus)}`,
    )
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'signal must be an AbortSignal')
  }
  if (meta !== undefined) {
    validateObject('meta', meta)
    validateSource(meta)
  }
  return { metadataTtl, timeout, idleTimeout, retries, forbiddenStatus }
}
