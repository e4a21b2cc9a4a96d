import type { FileHandle } from 'node:fs/promises'
import { fromBlob } from './sources/blob.ts'
import { fromBuffer } from './sources/buffer.ts'
import { expectFile, fromFile, isFileHandle, toAbsolutePath, toPath, toRoot } from './files/file.ts'
import { type DirectSource, isSource, type Source, toDirect } from './sources/source.ts'
import { type SendOptions, validateCompanionsOfRoot } from './options.ts'
import { resolveInside } from './files/paths.ts'
import { isStream, refuse } from './refuse.ts'
import { validateSource } from './validate.ts'

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
  if (servable instanceof Uint8Array) return toDirect(fromBuffer(servable))
  if (servable instanceof Blob) return toDirect(fromBlob(servable))
  // A FileHandle and a stream have a `read` too.
  if (isFileHandle(servable)) return fromFile(servable).then(toDirect)
  if (isSource(servable) && !isStream(servable)) {
    validateSource(servable)
    return toDirect(servable)
  }
  if (isPromise(servable)) {
    return Promise.resolve(servable).then((settled) => {
      try {
        return openSource(settled, options)
      } catch (error) {
        closeUnsent(settled)
        throw error
      }
    })
  }
  throw refuse(servable)
}

/**
 * Closes a value that was passed to be sent, if it is a source: nothing else closes it. The error
 * of a promise that rejects is ignored.
 */
export function closeUnsent(servable: unknown): void {
  if (isPromise(servable)) {
    Promise.resolve(servable).then(closeUnsent, () => {})
    return
  }
  if (!isSource(servable) || isFileHandle(servable)) return
  try {
    const source = toDirect(servable)
    closeReplacement(source)
    Promise.resolve(source.close?.(true)).catch(() => {})
  } catch {
    // It was not a source of bytes after all.
  }
}

/** Closes the replacement of a source once it is known. */
export function closeReplacement(source: DirectSource): void {
  source.actual?.then(
    (actual) => (actual === source ? undefined : actual.close?.(true)),
    () => {},
  )
}

function isPromise(value: unknown): value is PromiseLike<Openable> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function'
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
