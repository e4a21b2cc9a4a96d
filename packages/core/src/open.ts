import path from 'node:path'
import type { FileHandle } from 'node:fs/promises'
import { Stream } from 'node:stream'
import { invalidArgument } from './errors.ts'
import { fromBlob } from './sources/blob.ts'
import { fromBuffer } from './sources/buffer.ts'
import { expectFile, fromFile, isFileHandle, toAbsolutePath, toPath } from './files/file.ts'
import { type DirectSource, isSource, type Source, toDirect } from './sources/source.ts'
import { type SendOptions, validateCompanionsOfRoot } from './options.ts'
import { resolveInside } from './files/paths.ts'
import { validateRepresentation } from './validate.ts'

/** What can be sent: a file by its path, `file:` URL or handle, bytes in memory, or any {@link Source}. */
export type Servable = string | URL | FileHandle | Uint8Array | Blob | Source

/**
 * Makes a source of what a caller wants sent.
 *
 * @throws TypeError or RangeError at the call, for what can never be served
 * @throws SourceError with status 403, 404, 500 or 503, by rejecting
 */
export function openSource(
  servable: Servable,
  options: SendOptions,
): DirectSource | Promise<DirectSource> {
  // A source is open already, whichever root it was found in.
  if (!isSource(servable) || isFileHandle(servable)) validateCompanionsOfRoot(options)
  if (typeof servable === 'string' || servable instanceof URL) return openPath(servable, options)
  if (servable instanceof Uint8Array) return toDirect(fromBuffer(servable))
  if (servable instanceof Blob) return toDirect(fromBlob(servable))
  // A FileHandle and a stream have a `read` too.
  if (isFileHandle(servable)) return fromFile(servable).then(toDirect)
  if (isSource(servable) && !(servable instanceof Stream)) {
    validateRepresentation(servable)
    return toDirect(servable)
  }
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    `Cannot serve ${servable === null ? 'null' : typeof servable}: a path, URL, FileHandle, Uint8Array, Blob or Source is needed; fromStream makes a Source of a stream`,
  )
}

function openPath(file: string | URL, options: SendOptions): DirectSource | Promise<DirectSource> {
  const { root } = options
  if (root === undefined) return expectFile(toAbsolutePath(file), undefined, options)
  // Below a root a client may have a say in the path: whatever is wrong with it is for resolveInside.
  const filePath = typeof file === 'string' ? file : toPath(file)
  if (typeof root !== 'string' || root === '') {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'root must be the path of a folder')
  }
  const absoluteRoot = path.resolve(root)
  return resolveInside(absoluteRoot, filePath, options).then((resolved) =>
    expectFile(resolved, options.followSymlinks === true ? undefined : absoluteRoot, options),
  )
}
