import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileError, hasStatus, invalidArgument } from '../errors.ts'
import type { Metadata } from '../sources/buffer.ts'
import { hasDescriptor, type Source } from '../sources/source.ts'
import { descriptors } from './descriptors.ts'
import { examine } from './examine.ts'
import {
  type FileSource,
  HandleSource,
  type OpenOptions,
  PathSource,
  sourceOf,
  UnsizedFile,
} from './file-source.ts'
import { toFileStats, versionOf } from './validators.ts'
import { validateMetadata, validateRoot } from '../validate.ts'

/**
 * Makes a source of a file, by its path or as an open `FileHandle`, which the caller closes.
 *
 * Its ETag is the size and the mtime in nanoseconds: strong, and the same on every machine that has
 * the same file. A file that changed within the last 20 ms is examined again after that time, and
 * has a weak tag if it is still being written. An mtime up to 1985-10-26T08:15:00Z, as packagers
 * write it, is replaced by the ctime and the inode, and gives no Last-Modified. The type follows
 * from the extension, if that is known.
 *
 * The length, the validators and the bytes are those of one descriptor; if the file has changed
 * when it is read again after `close`, the read fails with `ERR_SOURCE_CHANGED`. Pass the path
 * itself to `sendRange` to serve the current file. A file of /proc or /sys, whose size is not its
 * length, is read in full, up to 1 MiB, and has no validators.
 *
 * @throws TypeError `ERR_RELATIVE_PATH` or `ERR_INVALID_…`, at the call
 * @throws SourceError with status 403, 404, 500 or 503, by rejecting
 */
export function fromFile(
  file: string | URL | FileHandle,
  metadata: Metadata = {},
): Promise<Source> {
  validateMetadata(metadata)
  if (isFileHandle(file)) return fromHandle(file, metadata)
  return openFile(toAbsolutePath(file), undefined, { metadata })
}

/**
 * Opens a file by an absolute path, which must resolve to a file inside `root` if that is given.
 */
export async function openFile(
  filePath: string,
  root: string | undefined,
  options: OpenOptions,
): Promise<FileSource> {
  const descriptor = await descriptors.acquire(filePath, root, options.reads ?? 'adaptive')
  return sourceOf(descriptor, filePath, root, options)
}

/**
 * As {@link openFile}, but if looking at the path takes a while, returns the source of a file that is
 * already open at once, to be read meanwhile: `actual` tells whether it is still the same.
 */
export function expectFile(
  filePath: string,
  root: string | undefined,
  options: OpenOptions,
): FileSource | Promise<FileSource> {
  const { reads = 'adaptive' } = options
  const isQuick = reads === 'adaptive' && descriptors.isQuick(filePath, root)
  const expected = isQuick ? undefined : descriptors.peek(filePath, root)
  if (!expected) return openFile(filePath, root, options)
  const actual = descriptors.acquire(filePath, root, reads).then((descriptor) => {
    if (descriptor !== expected) return sourceOf(descriptor, filePath, root, options)
    descriptor.release()
    return source
  })
  const source: PathSource = new PathSource(expected, filePath, root, options, actual)
  return source
}

/** Whether a value is an open file. */
export function isFileHandle(value: unknown): value is FileHandle {
  return hasDescriptor(value)
}

/** A path or `file:` URL as an absolute path. */
export function toAbsolutePath(file: string | URL): string {
  const filePath = toPath(file)
  if (!path.isAbsolute(filePath)) {
    throw invalidArgument(
      'ERR_RELATIVE_PATH',
      `Cannot serve a relative path without a root: ${JSON.stringify(filePath)}`,
    )
  }
  // Most paths are normal already, and checking costs less than normalising.
  return /[/\\][./\\]/.test(filePath) ? path.normalize(filePath) : filePath
}

/** A path or `file:` URL as a path. */
export function toPath(file: string | URL): string {
  if (typeof file !== 'string' && !(file instanceof URL && file.protocol === 'file:')) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot serve ${String(file)}: a path, a file: URL or a FileHandle is needed`,
    )
  }
  const filePath = typeof file === 'string' ? file : fileURLToPath(file)
  if (filePath === '' || filePath.includes('\0')) {
    throw invalidArgument(
      'ERR_INVALID_ARGUMENT',
      `Cannot serve the path ${JSON.stringify(filePath)}: it must not be empty nor hold a NUL`,
    )
  }
  return filePath
}

/** A root as an absolute path. A relative one is resolved against the working directory. */
export function toRoot(root: string | URL): string {
  validateRoot(root)
  return path.resolve(typeof root === 'string' ? root : fileURLToPath(root))
}

async function fromHandle(handle: FileHandle, metadata: Metadata): Promise<FileSource> {
  const { fd } = handle
  const name = `descriptor ${fd}`
  // Its own `stat`, since a closed handle has no descriptor.
  const file = await examine(fd, name, () => handle.stat({ bigint: true })).catch(
    (error: unknown) => {
      throw hasStatus(error) ? error : fileError(error, name)
    },
  )
  const { stats, isSettled, content } = file
  if (content !== undefined) return new UnsizedFile(content, toFileStats(stats), metadata)
  return new HandleSource(handle, versionOf(stats, isSettled), metadata)
}
