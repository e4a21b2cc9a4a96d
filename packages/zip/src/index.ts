import type { Metadata, Source } from '@range-serve/core'
import { closeParts, combineValidators, validateMetadata } from '@range-serve/core/sources'
import { openEntries, validateEntries, type ZipEntry } from './entries.ts'
import { ZipSource } from './zip-source.ts'

export type { ZipEntry } from './entries.ts'
export type { Metadata, Part, Source } from '@range-serve/core'

/** What makes the bytes of an archive of the same entries differ from those of an earlier release. */
const format = 1

/**
 * Makes a ZIP archive of its entries while it is sent, without compression: its length and its ETag are
 * known before anything is read, and a range of it reads only the entries that it touches, so that the
 * download of many files resumes. ZIP64 is used if the sizes or the number of entries require it.
 *
 * The ETag is strong if those of all sources are. Sources must be readable at random. The CRC-32 of an
 * entry is computed as its data is sent. If a range needs one and does not hold all of the data, the
 * rest is read for it, unless the CRC-32 is known from an earlier response; it is remembered for files,
 * for bytes, and for entries with a `key`.
 *
 * @example
 * const archive = await fromZip([
 *   { name: 'photos/1.jpg', source: '/srv/photos/1.jpg' },
 *   { name: 'README.txt', source: Buffer.from('Two photos\n') },
 * ])
 * res.sendRange(archive, { filename: 'photos.zip' })
 *
 * @throws TypeError or RangeError `ERR_INVALID_…` at the call, for instance for a name that is absolute,
 *   holds `..`, or occurs twice
 * @throws SourceError with status 403, 404, 500 or 503, by rejecting, if a file cannot be opened
 */
export function fromZip(entries: readonly ZipEntry[], metadata: Metadata = {}): Promise<Source> {
  validateMetadata(metadata)
  return zip(entries, validateEntries(entries), metadata)
}

async function zip(
  entries: readonly ZipEntry[],
  names: readonly Uint8Array[],
  metadata: Metadata,
): Promise<Source> {
  const open = await openEntries(entries, names)
  const sources = open.map(({ source }) => source)
  try {
    const layout = open.map(({ modified, crc32 }, i) => {
      return [entries[i]!.name, modified?.getTime(), crc32]
    })
    const own = await combineValidators(sources, JSON.stringify([format, layout]))
    return new ZipSource(open, { type: 'application/zip', ...own }, metadata)
  } catch (error) {
    await closeParts(sources)
    throw error
  }
}
