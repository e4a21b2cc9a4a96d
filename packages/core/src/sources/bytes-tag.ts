import { createHash } from 'node:crypto'
import type { EntityTag } from '../semantics/entity-tag.ts'

/**
 * Keyed by the object that holds the bytes, so that a file that a process keeps in memory is hashed
 * once.
 */
const tags = new WeakMap<Uint8Array, EntityTag>()

/**
 * The strong entity-tag of bytes in memory: their length and a hash. Equal bytes have the same tag
 * in every process. Computed once for each object, whose bytes must not change afterwards.
 */
export function tagOf(bytes: Uint8Array): EntityTag {
  let tag = tags.get(bytes)
  if (tag === undefined) {
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 27)
    tag = `"${bytes.length.toString(36)}-${hash}"`
    tags.set(bytes, tag)
  }
  return tag
}
