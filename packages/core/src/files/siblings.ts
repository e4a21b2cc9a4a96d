// Precompressed files beside a file, chosen by Accept-Encoding (RFC 9110 §12.5.3).

import { typeOf } from './media-types.ts'
import { selectCodings } from '../semantics/accept-encoding.ts'
import { fieldValue, type RangeRequest } from '../semantics/request.ts'
import { openFile } from './file.ts'
import type { FileSource, OpenOptions } from './file-source.ts'

const extensionOf = { br: '.br', zstd: '.zst', gzip: '.gz' } as const

/** A content coding that a file may be stored in. */
export type Coding = keyof typeof extensionOf

/** All of them, the best first: what compresses most, then what decodes fastest. */
export const codings: readonly Coding[] = ['br', 'zstd', 'gzip']

/**
 * Opens a file, or the variant of it that the client prefers.
 *
 * A variant is a file of its own, with its own length, validators and confinement; it has the type
 * of the file. A variant that is older than the file belongs to an earlier version, and is ignored.
 *
 * @param offered the codings to look for, in order of preference
 * @throws SourceError by rejecting, for the file; a variant that cannot be opened is ignored
 */
export async function openVariant(
  request: RangeRequest,
  offered: readonly Coding[],
  filePath: string,
  root: string | undefined,
  { reads }: Pick<OpenOptions, 'reads'>,
): Promise<FileSource> {
  const file = await openFile(filePath, root, { reads })
  file.variant = { coding: undefined }
  const metadata = { type: typeOf(filePath) ?? 'application/octet-stream' }
  for (const coding of selectCodings(fieldValue(request, 'accept-encoding'), offered)) {
    const siblingPath = filePath + extensionOf[coding]
    const opening = openFile(siblingPath, root, { reads, metadata })
    const sibling = await opening.catch(() => undefined)
    if (!sibling) continue
    if (sibling.stats.mtimeNs >= file.stats.mtimeNs) {
      void file.close?.()
      sibling.variant = { coding }
      return sibling
    }
    void sibling.close?.()
  }
  return file
}
