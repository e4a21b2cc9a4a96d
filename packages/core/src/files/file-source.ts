// Sources of files: read by a descriptor of the table, by a FileHandle, or from memory.

import type { FileHandle } from 'node:fs/promises'
import { sourceError } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'
import type { Metadata } from '../sources/buffer.ts'
import { type DirectSource, pickMetadata } from '../sources/source.ts'
import type { Descriptor, FileFacts } from './descriptor.ts'
import { DescriptorSource } from './descriptor-source.ts'
import { descriptors } from './descriptors.ts'
import type { Reads } from '../options.ts'
import { typeOf } from './media-types.ts'
import type { FileStats } from './file-stats.ts'
import { type FileVersion, isSameVersion, toFileStats, versionOf } from './validators.ts'

/** How a file is opened. */
export interface OpenOptions {
  readonly metadata?: Metadata
  readonly reads?: Reads | undefined
}

/** A file as a source. */
export interface FileSource extends DirectSource {
  readonly stats: FileStats
  /** Set if it was selected by Accept-Encoding, with the coding in which it is stored, if any. */
  variant?: { readonly coding: string | undefined } | undefined
}

/** A file that is read by its descriptor, with its validators. */
abstract class RegularFile extends DescriptorSource implements FileSource {
  readonly stats: FileStats
  readonly length: number
  readonly type?: string
  readonly etag: string
  readonly lastModified?: Date
  readonly lastChanged?: Date
  declare variant?: FileSource['variant']

  protected constructor(version: FileVersion, type: string | undefined, metadata: Metadata) {
    super()
    this.stats = version.stats
    this.length = version.stats.size
    const { type: ownType = type, etag = version.etag, lastModified } = metadata
    if (ownType !== undefined) this.type = ownType
    this.etag = etag
    if (lastModified !== undefined) {
      this.lastModified = lastModified
    } else if (version.lastModified !== undefined) {
      this.lastModified = version.lastModified
      this.lastChanged = version.lastChanged
    }
  }
}

/** Makes a source of an open descriptor of the table, which the source then holds. */
export function sourceOf(
  descriptor: Descriptor,
  filePath: string,
  root: string | undefined,
  options: OpenOptions,
): FileSource {
  const { content, stats } = descriptor
  if (content === undefined) return new PathSource(descriptor, filePath, root, options)
  descriptor.release()
  const type = typeOf(filePath)
  return new UnsizedFile(content, toFileStats(stats), {
    ...(type && { type }),
    ...options.metadata,
  })
}

/** A file by its path. Opened again after a release, it is the same file or an error. */
export class PathSource extends RegularFile {
  readonly actual: Promise<FileSource> | undefined
  readonly #reads: Reads
  readonly #path: string
  readonly #root: string | undefined
  #descriptor: Descriptor | undefined

  constructor(
    descriptor: Descriptor,
    filePath: string,
    root: string | undefined,
    { metadata = {}, reads = 'adaptive' }: OpenOptions,
    actual?: Promise<FileSource>,
  ) {
    const { version, type } = factsOf(descriptor, filePath)
    super(version, type, metadata)
    this.#reads = reads
    this.actual = actual
    this.#descriptor = descriptor
    this.#path = filePath
    this.#root = root
  }

  protected get fd(): number {
    if (!this.#descriptor) throw new Error('The file is not open')
    return this.#descriptor.fd
  }

  readSync(target: Uint8Array, length: number, position: number): number | undefined {
    return this.#reads === 'adaptive'
      ? this.#descriptor?.readSync(target, length, this.start + position)
      : undefined
  }

  protected obtain(): Promise<void> | undefined {
    return this.#descriptor ? undefined : this.#reopen()
  }

  protected releaseDescriptor(aborted: boolean): void {
    const descriptor = this.#descriptor
    if (!descriptor) return
    this.#descriptor = undefined
    descriptors.release(descriptor, aborted)
  }

  async #reopen(): Promise<void> {
    const descriptor = await descriptors.acquire(this.#path, this.#root, this.#reads)
    if (descriptor.content !== undefined || !isSameVersion(descriptor.stats, this.stats)) {
      descriptor.release()
      throw sourceError(500, 'ERR_SOURCE_CHANGED', 'The file is not the one that was opened', {
        path: this.#path,
      })
    }
    // Another response may have opened it meanwhile, or all may be over.
    if (this.#descriptor || this.hasNoUsers) descriptor.release()
    else this.#descriptor = descriptor
  }
}

function factsOf(descriptor: Descriptor, filePath: string): FileFacts {
  return (descriptor.facts ??= {
    version: versionOf(descriptor.stats, descriptor.isSettled),
    type: typeOf(filePath),
  })
}

/** A file that the caller has opened, and closes. */
export class HandleSource extends RegularFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle, version: FileVersion, metadata: Metadata) {
    super(version, undefined, metadata)
    this.#handle = handle
  }

  protected get fd(): number {
    return this.#handle.fd
  }

  protected obtain(): undefined {}
  protected releaseDescriptor(): void {}
}

/** The content of a file whose size is not its length. */
export class UnsizedFile implements FileSource {
  readonly isDirect: true = true
  readonly bytes: Buffer
  readonly length: number
  readonly stats: FileStats
  declare readonly type?: string
  declare readonly etag?: string
  declare readonly lastModified?: Date
  declare variant?: FileSource['variant']

  constructor(bytes: Buffer, stats: FileStats, metadata: Partial<Representation>) {
    this.bytes = bytes
    this.length = bytes.length
    this.stats = stats
    Object.assign(this, pickMetadata(metadata))
  }

  read({ firstPos, lastPos }: ByteRange): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.subarray(firstPos, lastPos + 1))
  }
}
