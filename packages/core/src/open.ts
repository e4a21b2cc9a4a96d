import type { FileHandle } from 'node:fs/promises'
import { expectFile, fromFile, isFileHandle, toAbsolutePath, toPath, toRoot } from './files/file.ts'
import { isPromise, type DirectSource, isSource, type Source, toDirect } from './sources/source.ts'
import { type SendOptions, validateCompanionsOfRoot } from './options.ts'
import { resolveInside } from './files/paths.ts'
import { openBytes, openSettled } from './open-bytes.ts'
import { refuse } from './refuse.ts'

/** What can be opened directly. */
type Openable = string | URL | FileHandle | Uint8Array | Blob | Source

/**
 * What can be sent: a file by its path, `file:` URL or handle, bytes in memory, any {@link Source}, or
 * a promise of one of these.
 */
export type Servable = Openable | PromiseLike<Openable>

/**
 * Makes a source of a value that a caller sends.
 *
 * @throws TypeError or RangeError at the call, for a value that can never be served
 * @throws SourceError with status 403, 404, 500 or 503, by rejecting
 */
export function openSource(
  servable: Servable,
  options: SendOptions,
): DirectSource | Promise<DirectSource> {
  // A source is open already, whichever root it was found in.
  if (!isSource(servable) || isFileHandle(servable)) validateCompanionsOfRoot(options)
  if (typeof servable === 'string' || servable instanceof URL) return openPath(servable, options)
  // A FileHandle has a `read` too.
  if (isFileHandle(servable)) return fromFile(servable).then(toDirect)
  const source = openBytes(servable)
  if (source) return source
  if (isPromise(servable)) return openSettled(servable, (settled) => openSource(settled, options))
  throw refuse(servable)
}

function openPath(file: string | URL, options: SendOptions): DirectSource | Promise<DirectSource> {
  const { root } = options
  if (root === undefined) return expectFile(toAbsolutePath(file), undefined, options)
  // Below a root the path may come from a client: resolveInside handles whatever is wrong with it.
  const filePath = typeof file === 'string' ? file : toPath(file)
  const absoluteRoot = toRoot(root)
  return resolveInside(absoluteRoot, filePath, options).then((resolved) =>
    expectFile(resolved, options.followSymlinks === true ? undefined : absoluteRoot, options),
  )
}
