import { invalidArgument } from '../errors.ts'
import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'
import { type DirectSource, pickMetadata, type Source } from './source.ts'
import { validateMetadata } from '../validate.ts'

/** What a constructor of sources accepts besides the bytes. */
export type Metadata = Partial<Pick<Representation, 'type' | 'etag' | 'lastModified'>>

/**
 * Makes a source of bytes in memory. Nothing is copied: the bytes must not change while they are
 * served.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`, `ERR_INVALID_ETAG` or `ERR_INVALID_FIELD`
 */
export function fromBuffer(bytes: Uint8Array, metadata: Metadata = {}): Source {
  if (!(bytes instanceof Uint8Array)) {
    throw invalidArgument('ERR_INVALID_ARGUMENT', 'Cannot serve the bytes: a Uint8Array is needed')
  }
  validateMetadata(metadata)
  return new BufferSource(bytes, metadata)
}

class BufferSource implements DirectSource {
  readonly isDirect: true = true
  readonly bytes: Uint8Array
  readonly length: number
  declare readonly type?: string
  declare readonly etag?: string
  declare readonly lastModified?: Date

  constructor(bytes: Uint8Array, metadata: Metadata) {
    this.bytes = bytes
    this.length = bytes.length
    Object.assign(this, pickMetadata(metadata))
  }

  read({ firstPos, lastPos }: ByteRange): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.subarray(firstPos, lastPos + 1))
  }
}
