import {
  invalidArgument,
  type Source,
  validateFunction,
  validateOneOf,
} from '@range-serve/core/sources'
import { HttpUpstream } from './http-upstream.ts'
import { MetadataTable } from './metadata-table.ts'
import { type RemoteMetadata, type RemoteOptions, validateRemoteOptions } from './options.ts'
import { openRemote } from './remote-source.ts'
import { type HttpTarget, type RequestFields, toTarget } from './target.ts'

/** How an HTTP origin is read. */
export interface HttpOptions extends RemoteOptions {
  /** Fields of each upstream request, such as Authorization. Fields of the client never go upstream. */
  readonly headers?: RequestFields
  /**
   * Whether redirects are followed. They keep `headers` such as an API key, even to another origin;
   * only Authorization and Cookie are dropped there. Default `'follow'`.
   */
  readonly redirect?: 'follow' | 'error'
  /**
   * The name under which metadata is kept. Needed for `metadataTtl` if the target is a function, or
   * if there is a `fetch`; the default is the URL and the fields.
   */
  readonly key?: string
  /** Default: the platform's. */
  readonly fetch?: typeof fetch
}

const table = new MetadataTable<RemoteMetadata>()

/**
 * Makes a source of what an HTTP origin, a CDN or a presigned URL serves. The origin is asked for its
 * metadata once, and then for each requested range; each read is pinned to the same version, checked,
 * and resumed after a failure.
 *
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError `ERR_NOT_FOUND` or `ERR_UPSTREAM…`, with a `status`, by rejecting
 *
 * @example
 * res.sendRange(fromHttp('https://origin.example/clip.mp4', { metadataTtl: 60_000 }))
 * res.sendRange(fromHttp(() => sign(key)))
 */
export function fromHttp(target: HttpTarget, options: HttpOptions = {}): Promise<Source> {
  const limits = validateRemoteOptions('fromHttp', options, ['headers', 'redirect', 'key', 'fetch'])
  const { metadataTtl } = limits
  const { headers, redirect = 'follow', key, fetch: ownFetch } = options
  validateFunction('fetch', ownFetch)
  validateOneOf('redirect', redirect, ['follow', 'error'])
  const fixed = typeof target === 'function' ? undefined : toTarget(target)
  const fields = new Headers(headers)
  if (metadataTtl > 0 && key === undefined && (!fixed || ownFetch)) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      'metadataTtl needs a key that names the content: the target is a function, or there is a fetch',
    )
  }
  const upstream = new HttpUpstream(
    typeof target === 'function' ? async (context) => toTarget(await target(context)) : fixed!,
    { fetch: ownFetch ?? fetch, headers: fields, redirect, limits },
  )
  const keyOf = () =>
    key ?? JSON.stringify([fixed!.url, [...fields], [...new Headers(fixed!.headers)]])
  const memory = metadataTtl > 0 ? { table, key: keyOf() } : undefined
  return openRemote<RemoteMetadata>(upstream, options, limits, memory)
}
