// What goes into an archive: checked, opened, and with its checksum.

import { type FileStats, fromFile, type Part, type Source } from '@range-serve/core'
import {
  closeParts,
  invalidArgument,
  type OpenPart,
  openPart,
  outOfRange,
  validatePart,
} from '@range-serve/core/sources'
import { Checksum, checksumOf } from './checksums.ts'
import { encodeNames } from './names.ts'

/** A file or folder of an archive. */
export interface ZipEntry {
  /**
   * The path in the archive, with slashes: `'photos/1.jpg'`. A name that ends with a slash is a
   * folder, and has no `source`; a folder needs an entry only if it is empty.
   */
  readonly name: string
  /**
   * The content: the path or `file:` URL of a file, a `Source`, a `Uint8Array`, a `Blob`, or a
   * promise of one of these three. Many files should be given by their paths: they are then opened
   * one after another.
   */
  readonly source?: string | URL | Part | PromiseLike<Part> | undefined
  /** When it was last modified. Default: that of the source; otherwise 1980-01-01. */
  readonly lastModified?: Date | undefined
  /**
   * The CRC-32 of the content, if it is known: it is not computed then, and not checked. It then
   * precedes the content, so that programs can unpack the entry which read the archive as it comes.
   */
  readonly crc32?: number | undefined
  /**
   * What the source is of, such as the key of an object: together with its strong tag it tells which
   * content this is, so that a CRC-32 that was computed once is known to later calls. Files and
   * bytes are recognised without it.
   */
  readonly key?: string | undefined
}

/** An entry that is open. */
export interface OpenEntry {
  readonly name: Uint8Array
  readonly isFolder: boolean
  readonly size: number
  readonly modified: Date | undefined
  /** The CRC-32 that is known without reading: the given one, and that of a folder. */
  readonly crc32: number | undefined
  readonly source: OpenPart
  readonly checksum: Checksum
}

const action = 'make an archive'

/**
 * Checks entries, and returns their names in UTF-8.
 *
 * @throws TypeError or RangeError with a `code`
 */
export function validateEntries(entries: readonly ZipEntry[]): Uint8Array[] {
  if (!Array.isArray(entries)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', `Cannot ${action}: a list of entries is needed`)
  }
  const names = encodeNames(entries.map((entry: Partial<ZipEntry> | undefined) => entry?.name))
  for (const { name, source, lastModified, crc32 } of entries as readonly ZipEntry[]) {
    const isFolder = name.endsWith('/')
    if (isFolder !== (source === undefined)) {
      const rule = isFolder ? 'a folder has no source' : 'a file needs a source'
      throw invalidArgument('ERR_INVALID_ARGUMENT', `Cannot add ${JSON.stringify(name)}: ${rule}`)
    }
    if (!isFolder && !isPath(source)) validatePart(source, action)
    if (lastModified !== undefined && !(lastModified.getTime?.() >= -8.64e15)) {
      throw invalidArgument('ERR_INVALID_ARGUMENT', 'lastModified must be a valid Date')
    }
    if (crc32 !== undefined && crc32 !== crc32 >>> 0) {
      throw outOfRange('ERR_INVALID_ARGUMENT', `crc32 must be a 32-bit integer, got ${crc32}`)
    }
  }
  return names
}

function isPath(source: unknown): source is string | URL {
  return typeof source === 'string' || source instanceof URL
}

/** How many files are opened at a time. */
const atOnce = 8

/** Opens entries. If one of them fails, the others are closed. */
export async function openEntries(
  entries: readonly ZipEntry[],
  names: readonly Uint8Array[],
): Promise<OpenEntry[]> {
  const open: OpenEntry[] = []
  const failures: unknown[] = []
  let next = 0
  const openInTurn = async (): Promise<void> => {
    while (next < entries.length && failures.length === 0) {
      const place = next++
      try {
        open[place] = await openEntry(entries[place]!, names[place]!)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, openInTurn))
  if (failures.length === 0) return open
  // Sources that were not opened yet may hold something, or be about to.
  const rest = entries.slice(next).flatMap(({ source }) => {
    return source === undefined || isPath(source) ? [] : openPart(source, action)
  })
  const late = (await Promise.allSettled(rest)).flatMap((each) => {
    return each.status === 'fulfilled' ? each.value : []
  })
  await closeParts([...open.flatMap((entry) => entry?.source ?? []), ...late])
  throw failures[0]
}

const nothing: OpenPart = { length: 0, etag: '""', read: () => noBytes() }

async function noBytes(): Promise<Uint8Array> {
  return new Uint8Array(0)
}

async function openEntry(entry: ZipEntry, name: Uint8Array): Promise<OpenEntry> {
  const { source: given, lastModified, crc32 } = entry
  const isFolder = given === undefined
  const opening = isPath(given) ? fromFile(given) : given
  const source = opening === undefined ? nothing : await openPart(opening, action)
  const size = source.length
  const version = versionOf(entry, source)
  return {
    name,
    isFolder,
    size,
    modified: lastModified ?? source.lastModified,
    crc32: isFolder ? 0 : crc32,
    source,
    checksum:
      crc32 === undefined && version !== undefined
        ? checksumOf(version, size)
        : new Checksum(size, crc32),
  }
}

/**
 * What tells the content of an entry from all other: an entity-tag does so only among the versions of
 * one resource. `undefined` if nothing does.
 */
function versionOf({ key, source: given }: ZipEntry, source: Source): string | undefined {
  const { etag, length } = source
  if (etag === undefined || etag.startsWith('W/')) return undefined
  if (key !== undefined) return JSON.stringify(['key', key, length, etag])
  // The tag of bytes is a hash of them.
  if (given instanceof Uint8Array) return JSON.stringify(['bytes', length, etag])
  const { stats }: Source & { readonly stats?: Partial<FileStats> } = source
  if (!('isDirect' in source) || typeof stats?.ctimeNs !== 'bigint') return undefined
  const { ino, mtimeNs, ctimeNs } = stats
  return JSON.stringify(['file', length, etag, String(ino), String(mtimeNs), String(ctimeNs)])
}
