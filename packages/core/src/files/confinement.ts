// A folder that no path leaves, by `..` or by symbolic links.

import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { sourceError } from '../errors.ts'

const stat = promisify(fs.stat) as (
  filePath: string,
  options: { bigint: true },
) => Promise<fs.BigIntStats>
const fstat = promisify(fs.fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<fs.BigIntStats>
const readlink = promisify(fs.readlink)
const realpath = promisify(fs.realpath.native)

/** How often a path is resolved again because something on its way was renamed meanwhile. */
const maxAttempts = 3

/**
 * Opens a file that lies in a root once symbolic links are resolved.
 *
 * Between resolving a path and opening it, a folder on the way can be replaced by a link that
 * leaves the root, so the location of the open file is checked afterwards.
 *
 * @param open opens a resolved path
 * @throws SourceError 404 `ERR_OUTSIDE_ROOT`
 */
export async function openInside(
  filePath: string,
  root: string,
  open: (realPath: string) => Promise<number>,
): Promise<number> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const [realFile, realRoot] = await Promise.all([realpath(filePath), realpath(root)])
    // A root that is itself a link may be pointed elsewhere between the two.
    if (!isInside(realFile, realRoot)) continue
    const fd = await open(realFile)
    if (await isOpenInside(fd, filePath, realRoot).catch(() => false)) return fd
    await close(fd)
  }
  throw outsideRoot(filePath)
}

/**
 * Checks again that a path lies in a root: folders above a file can be moved out and linked to
 * while the file stays the same.
 *
 * @throws SourceError 404 `ERR_OUTSIDE_ROOT`
 */
export async function confine(filePath: string, root: string): Promise<void> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const [realFile, realRoot] = await Promise.all([realpath(filePath), realpath(root)])
    if (isInside(realFile, realRoot)) return
  }
  throw outsideRoot(filePath)
}

/** Whether the file that a descriptor has open lies in a root. */
async function isOpenInside(fd: number, filePath: string, realRoot: string): Promise<boolean> {
  // On Linux the kernel reports where the open file lies, and no rename can intervene.
  const opened = await readlink(`/proc/self/fd/${fd}`).catch(() => undefined)
  if (opened !== undefined) return path.isAbsolute(opened) && isInside(opened, realRoot)
  // Elsewhere the path is resolved again and must lead to this very file. A folder that is swapped
  // back and forth at exactly the right moments could still deceive this check.
  const realFile = await realpath(filePath)
  if (!isInside(realFile, realRoot)) return false
  const options = { bigint: true } as const
  const [found, own] = await Promise.all([stat(realFile, options), fstat(fd, options)])
  return found.dev === own.dev && found.ino === own.ino
}

/** Whether an absolute, normal path is the root or lies in it. */
export function isInside(filePath: string, root: string): boolean {
  // path.relative gives the same result, but costs as much as all other work on a path.
  if (filePath.startsWith(root) && filePath[root.length] === path.sep) return true
  const relative = path.relative(root, filePath)
  return !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
}

function outsideRoot(filePath: string): Error {
  return sourceError(404, 'ERR_OUTSIDE_ROOT', 'The file lies outside of the root', {
    path: filePath,
  })
}

function close(fd: number): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()))
}
