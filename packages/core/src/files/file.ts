import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileHandle } from 'node:fs/promises'
import mimeTypes from 'mime-types'
import { fileError, invalidArgument, sourceError } from '../errors.ts'
import type { Metadata } from '../sources/buffer.ts'
import { DescriptorSource } from './descriptor-source.ts'
import { type Descriptor, descriptors } from './descriptors.ts'
import { type DirectSource, type Source, validateMetadata } from '../sources/source.ts'

/** What an `etag` function is told of a file. */
export interface FileStats {
  /** In bytes. */
  readonly size: number
  readonly mtime: Date
  readonly mtimeNs: bigint
}

/** How young a file is when a second write could still hide behind its mtime. */
const unsettledMs = 2000

/**
 * Makes a source of a file, by its path or as an open `FileHandle`, which stays the caller's.
 *
 * Its ETag is the size and the mtime in nanoseconds: strong, and the same on every machine that has
 * the same file; weak while the mtime is younger than 2 s. Its type follows from the extension, where
 * there is one that is known.
 * The length, the validators and the bytes are those of one descriptor; should it be read again after
 * `close` and have changed, the read fails with `ERR_SOURCE_CHANGED`. Give the path itself to
 * `sendRange` to serve whatever is there.
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
  return Promise.resolve(openFile(toAbsolutePath(file), undefined, { metadata }))
}

/** How a file is opened. */
export interface OpenOptions {
  readonly metadata?: Metadata
  readonly syncReads?: boolean | undefined
}

/** Opens a file by an absolute path, which must resolve to inside of `root` where one is given. */
export function openFile(
  filePath: string,
  root: string | undefined,
  options: OpenOptions,
): FileSource | Promise<FileSource> {
  const toSource = (descriptor: Descriptor) => new PathSource(descriptor, filePath, root, options)
  const open = options.syncReads === true ? descriptors.acquireOpen(filePath, root) : undefined
  return open ? toSource(open) : descriptors.acquire(filePath, root).then(toSource)
}

/**
 * As {@link openFile}, but of a file that is open already the source is there at once, to be read
 * while one looks whether it is still the same: `actual` tells.
 */
export function expectFile(
  filePath: string,
  root: string | undefined,
  options: OpenOptions,
): FileSource | Promise<FileSource> {
  const expected = options.syncReads === true ? undefined : descriptors.recall(filePath, root)
  if (!expected) return openFile(filePath, root, options)
  const actual = descriptors.acquire(filePath, root).then((descriptor) => {
    if (descriptor !== expected) return new PathSource(descriptor, filePath, root, options)
    descriptor.release()
    return source
  })
  const source: PathSource = new PathSource(expected, filePath, root, options, actual)
  return source
}

/** Whether a value is an open file. */
export function isFileHandle(value: unknown): value is FileHandle {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as FileHandle).stat === 'function' &&
    typeof (value as FileHandle).fd === 'number'
  )
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
  // Most are normal as they are, and to find out costs less than to normalise.
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

/** The media type for a file name, with its charset; `undefined` where its extension says nothing. */
export function typeOf(fileName: string): string | undefined {
  return mimeTypes.contentType(path.extname(fileName)) || undefined
}

/** What a file says of itself, computed once for as long as it stays the same. */
interface Facts extends FileStats {
  readonly opaqueTag: string
  readonly type: string | undefined
}

function factsOf(stats: fs.BigIntStats, type: string | undefined): Facts {
  const { size, mtime, mtimeNs } = stats
  return {
    size: Number(size),
    mtime,
    mtimeNs,
    opaqueTag: `"${size.toString(36)}-${mtimeNs.toString(36)}"`,
    type,
  }
}

/** A file, with what it says of itself. */
export abstract class FileSource extends DescriptorSource {
  readonly stats: FileStats
  readonly length: number
  readonly type?: string
  readonly lastModified: Date
  readonly #etag: string | undefined
  readonly #opaqueTag: string

  protected constructor(facts: Facts, metadata: Metadata) {
    super()
    this.stats = facts
    this.length = facts.size
    const type = metadata.type ?? facts.type
    if (type !== undefined) this.type = type
    this.lastModified = metadata.lastModified ?? facts.mtime
    this.#etag = metadata.etag
    this.#opaqueTag = facts.opaqueTag
  }

  get etag(): string {
    if (this.#etag !== undefined) return this.#etag
    const settled = Date.now() - this.stats.mtime.getTime() >= unsettledMs
    return settled ? this.#opaqueTag : `W/${this.#opaqueTag}`
  }
}

/** A file by its path. Opened once more after it was let go, it is the same file or an error. */
class PathSource extends FileSource {
  readonly readSync: DirectSource['readSync']
  readonly actual: Promise<FileSource> | undefined
  readonly #path: string
  readonly #root: string | undefined
  #descriptor: Descriptor | undefined

  constructor(
    descriptor: Descriptor,
    filePath: string,
    root: string | undefined,
    { metadata = {}, syncReads }: OpenOptions,
    actual?: Promise<FileSource>,
  ) {
    const facts = (descriptor.memo ??= factsOf(descriptor.stats, typeOf(filePath)))
    super(facts as Facts, metadata)
    if (syncReads === true) {
      this.readSync = (target, length, position) =>
        fs.readSync(this.fd, target, 0, length, position)
    }
    this.actual = actual
    this.#descriptor = descriptor
    this.#path = filePath
    this.#root = root
  }

  protected get fd(): number {
    if (!this.#descriptor) throw new Error('The file is not open')
    return this.#descriptor.fd
  }

  protected obtain(): Promise<void> | undefined {
    return this.#descriptor ? undefined : this.#reopen()
  }

  protected letGo(abandoned: boolean): void {
    const descriptor = this.#descriptor
    if (!descriptor) return
    this.#descriptor = undefined
    descriptors.letGo(descriptor, abandoned)
  }

  async #reopen(): Promise<void> {
    const descriptor = await descriptors.acquire(this.#path, this.#root)
    const { size, mtimeNs } = descriptor.stats
    if (Number(size) !== this.length || mtimeNs !== this.stats.mtimeNs) {
      descriptor.release()
      throw sourceError(500, 'ERR_SOURCE_CHANGED', 'The file is not the one that was opened', {
        path: this.#path,
      })
    }
    // Others may have opened it meanwhile, or all may have left.
    if (this.#descriptor || this.hasNoUsers) descriptor.release()
    else this.#descriptor = descriptor
  }
}

async function fromHandle(handle: FileHandle, metadata: Metadata): Promise<FileSource> {
  const stats = await handle.stat({ bigint: true }).catch((error: unknown) => {
    throw fileError(error, `descriptor ${handle.fd}`)
  })
  if (!stats.isFile()) {
    throw sourceError(404, 'ERR_NOT_A_FILE', 'Only a regular file can be served')
  }
  return new HandleSource(handle, factsOf(stats, undefined), metadata)
}

class HandleSource extends FileSource {
  readonly #handle: FileHandle

  constructor(handle: FileHandle, facts: Facts, metadata: Metadata) {
    super(facts, metadata)
    this.#handle = handle
  }

  protected get fd(): number {
    return this.#handle.fd
  }

  protected obtain(): undefined {}
  protected letGo(): void {}
}
