// Where a request goes: a URL, or what a function makes of each request.

import { invalidArgument } from '@range-serve/core/sources'

/** Fields of a request, in any form that `Headers` takes. */
export type RequestFields = NonNullable<ConstructorParameters<typeof Headers>[0]>

/** A URL, and fields of the request for it. */
export type ResolvedTarget =
  | string
  | URL
  | { readonly url: string | URL; readonly headers?: RequestFields }

/**
 * A URL, with fields if needed, or a function that is called for each upstream request: for URLs that
 * are signed for a short time. Its `signal` aborts when the result is no longer needed.
 */
export type HttpTarget =
  | ResolvedTarget
  | ((context: { readonly signal: AbortSignal }) => ResolvedTarget | Promise<ResolvedTarget>)

/** A URL that can be requested, and the fields that go with it. */
export interface Target {
  readonly url: URL
  readonly headers: RequestFields | undefined
}

/**
 * Checks a target.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`, without the URL, which may be signed
 */
export function toTarget(target: ResolvedTarget): Target {
  const isPlain = typeof target === 'string' || target instanceof URL
  const text = isPlain ? target : target?.url
  const url = typeof text === 'string' || text instanceof URL ? parse(text) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      'Cannot read the target: it must be an http: or https: URL, or { url, headers }',
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      'Cannot read the target: write an Authorization field instead of a name and password in its URL',
    )
  }
  return { url, headers: isPlain ? undefined : target.headers }
}

function parse(text: string | URL): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
