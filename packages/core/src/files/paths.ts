// Paths that come from a client, and the folder that they cannot leave.

import path from 'node:path'
import { sourceError } from '../errors.ts'
import { isInside } from './confinement.ts'
import type { SendOptions } from '../options.ts'

/**
 * Resolves a path below a root, to an absolute and normal one. A leading slash counts for nothing.
 *
 * Symbolic links are checked when the file is opened.
 *
 * @param filePath decoded: a `%` is a `%`
 * @throws SourceError by rejecting: 400 for an invalid path, 404 for one that leaves the root or is
 *   an ignored dotfile, 403 for a denied one
 */
export async function resolveInside(
  root: string,
  filePath: string,
  { dotfiles = 'ignore' }: Pick<SendOptions, 'dotfiles'>,
): Promise<string> {
  if (filePath.includes('\0')) {
    throw sourceError(400, 'ERR_BAD_PATH', 'A path cannot hold a NUL', { path: filePath })
  }
  const components = filePath.split(path.sep === '\\' ? /[\\/]+/ : /\/+/)
  if (components.at(-1) === '') {
    throw sourceError(404, 'ERR_NOT_A_FILE', 'A folder has no content', { path: filePath })
  }
  const resolved = path.join(root, ...components)
  if (components.includes('..') || !isInside(resolved, root)) {
    throw sourceError(404, 'ERR_OUTSIDE_ROOT', 'The path leaves the root', { path: filePath })
  }
  if (dotfiles !== 'allow' && components.some((name) => name.startsWith('.') && name !== '.')) {
    const status = dotfiles === 'deny' ? 403 : 404
    throw sourceError(status, 'ERR_DOTFILE', 'Dotfiles are not served', { path: filePath })
  }
  return resolved
}

/**
 * Decodes the path of a request target, once.
 *
 * @throws SourceError 400 `ERR_BAD_PATH`, unless it is percent-encoded UTF-8
 */
export function decodePath(target: string): string {
  const pathname = pathOf(target)
  try {
    return decodeURIComponent(pathname)
  } catch (cause) {
    throw sourceError(400, 'ERR_BAD_PATH', 'The path is not percent-encoded UTF-8', {
      path: pathname,
      cause,
    })
  }
}

/**
 * Returns the path of a request target as it was sent. A server MUST accept the absolute form too,
 * which is meant for proxies (RFC 9112 §3.2.2); an empty path is that of the root (RFC 9110 §4.2.3).
 */
export function pathOf(target: string): string {
  const [pathname = ''] = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)
  return pathname === '' ? '/' : pathname
}
