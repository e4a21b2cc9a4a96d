// The target of a request, and the part of it below a mount.

import type { ParameterizedContext as Context } from 'koa'

/**
 * The request target as the client sent it. It is kept beside the request, invisible to other code; once the target has been rewritten, it is kept on the request as well, under Connect's name.
 */
export function keepTarget({ req, originalUrl }: Context): string {
  const request: typeof req & { originalUrl?: string } = req
  if (request.url !== originalUrl) request.originalUrl ??= originalUrl
  return request.originalUrl ?? originalUrl
}

/** The components of a path that a folder is mounted at, decoded. */
export function namesOf(prefix: string): string[] {
  const mount = prefix.replace(/^\/+/, '').replace(/\/+$/, '')
  return mount === '' ? [] : mount.split('/').map((name) => decode(name) ?? name)
}

/** The rest of a path below a mount, as the client sent it; `undefined` if it is not below it. */
export function pathBelow(mount: readonly string[], pathname: string): string | undefined {
  if (!pathname.startsWith('/')) return undefined
  let end = 0
  for (const name of mount) {
    const start = end + 1
    const slash = pathname.indexOf('/', start)
    end = slash === -1 ? pathname.length : slash
    // Component by component: an encoded slash is part of a name.
    if (decode(pathname.slice(start, end)) !== name) return undefined
  }
  return pathname.slice(end)
}

function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component)
  } catch {
    return undefined
  }
}
