import { invalidArgument } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Metadata } from './buffer.ts'
import { pickMetadata, type Source } from './source.ts'
import { validateMetadata } from '../validate.ts'

/**
 * Makes a source of a `Blob`. Its own type applies if `metadata` has none.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`, `ERR_INVALID_ETAG` or `ERR_INVALID_FIELD`
 */
export function fromBlob(blob: Blob, metadata: Metadata = {}): Source {
  if (!(blob instanceof Blob)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'Cannot serve the blob: a Blob is needed')
  }
  validateMetadata(metadata)
  return {
    ...(blob.type === '' ? {} : { type: blob.type }),
    ...pickMetadata(metadata),
    length: blob.size,
    read: ({ firstPos, lastPos }: ByteRange) => blob.slice(firstPos, lastPos + 1).stream(),
  }
}
