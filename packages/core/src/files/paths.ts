// Paths that come from a client, and the folder that they cannot leave.

import path from 'node:path'
import { type SourceError, sourceError } from '../errors.ts'
import { isInside } from './confinement.ts'
import type { SendOptions } from '../options.ts'

/**
 * Resolves a path below a root to an absolute, normal one. A leading slash is ignored, and `..`
 * removes the component before it, whether or not that exists, as in a URL (RFC 3986 §5.2.4).
 *
 * Symbolic links are checked when the file is opened.
 *
 * @param filePath decoded: a `%` is a literal `%`
 * @throws SourceError by rejecting: 400 for an invalid path, 404 for one that leaves the root or is
 *   an ignored dotfile, 403 for a denied one
 */
export async function resolveInside(
  root: string,
  filePath: string,
  { dotfiles = 'ignore' }: Pick<SendOptions, 'dotfiles'>,
): Promise<string> {
  const components = splitPath(filePath)
  if (components.at(-1) === '') {
    throw sourceError(404, 'ERR_NOT_A_FILE', 'A folder has no content', { path: filePath })
  }
  const resolved = path.join(root, ...climb(components, filePath))
  if (!isInside(resolved, root)) throw leavesRoot(filePath)
  if (dotfiles !== 'allow' && components.some(isDotfile)) {
    const status = dotfiles === 'deny' ? 403 : 404
    throw sourceError(status, 'ERR_DOTFILE', 'Dotfiles are not served', { path: filePath })
  }
  return resolved
}

/**
 * Normalizes a decoded path below a mount, for code that does not read it as a file: no leading
 * slash, no `.` or `..`, single slashes; a trailing slash is kept.
 *
 * @throws SourceError 400 for a NUL, 404 for a path that leaves the mount
 */
export function normalizePath(filePath: string): string {
  const components = splitPath(filePath)
  const names = climb(components, filePath)
  return names.length > 0 && ['', '.', '..'].includes(components.at(-1)!)
    ? `${names.join('/')}/`
    : names.join('/')
}

/** Splits a path into its components; the last is empty if it ends with a slash. */
function splitPath(filePath: string): string[] {
  if (filePath.includes('\0')) {
    throw sourceError(400, 'ERR_BAD_PATH', 'A path cannot hold a NUL', { path: filePath })
  }
  return filePath.split(path.sep === '\\' ? /[\\/]+/ : /\/+/)
}

/** The names that remain of components. A path must not leave the root even if it returns to it. */
function climb(components: readonly string[], filePath: string): readonly string[] {
  const names: string[] = []
  for (const component of components) {
    if (component === '..') {
      if (names.pop() === undefined) throw leavesRoot(filePath)
    } else if (component !== '' && component !== '.') {
      names.push(component)
    }
  }
  return names
}

/** A hidden name, which is not served even on the way to another: `.git/../a`. */
function isDotfile(name: string): boolean {
  return name.startsWith('.') && name !== '.' && name !== '..'
}

function leavesRoot(filePath: string): SourceError {
  return sourceError(404, 'ERR_OUTSIDE_ROOT', 'The path leaves the root', { path: filePath })
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
