import { builtin } from '../runtime.ts'
import type { EntityTag } from '../semantics/entity-tag.ts'

/**
 * Keyed by the object that holds the bytes, so that a file that a process keeps in memory is hashed
 * once.
 */
const tags = new WeakMap<Uint8Array, EntityTag>()

/**
 * The strong entity-tag of bytes in memory: their length and a hash. Equal bytes have the same tag
 * in every process. Computed once for each object, whose bytes must not change afterwards.
 * `undefined` on a runtime without Node's `crypto`, unless {@link hashAhead} has resolved.
 */
export function tagOf(bytes: Uint8Array): EntityTag | undefined {
  const known = tags.get(bytes)
  if (known !== undefined) return known
  const hash = builtin('node:crypto')?.createHash('sha256')
  return hash && remember(bytes, hash.update(bytes).digest())
}

/** As {@link tagOf}, for a runtime that has only the asynchronous hash of Web Crypto. */
export async function hashAhead(bytes: Uint8Array): Promise<void> {
  if (tagOf(bytes) !== undefined) return
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))
  remember(bytes, new Uint8Array(digest))
}

/** 27 characters of base64url are 162 bits of the hash. */
function remember(bytes: Uint8Array, digest: Uint8Array): EntityTag {
  const base64 = btoa(String.fromCharCode(...digest))
  const hash = base64.replaceAll('+', '-').replaceAll('/', '_').slice(0, 27)
  const tag: EntityTag = `"${bytes.length.toString(36)}-${hash}"`
  tags.set(bytes, tag)
  return tag
}
