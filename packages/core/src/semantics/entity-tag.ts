// Entity-tags, RFC 9110 §8.8.3: https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3
//
//   entity-tag = [ weak ] opaque-tag
//   weak       = %s"W/"
//   opaque-tag = DQUOTE *etagc DQUOTE
//   etagc      = %x21 / %x23-7E / obs-text

/** An entity-tag as a field has it, quotes and `W/` included: `"xyzzy"`, `W/"xyzzy"`. */
export type EntityTag = string

const entityTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/
// Unambiguous: no run of white space can match in two ways, so matching takes linear time.
const nextInList = /[\t ]*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[\t ]*)?(?:,|$)/y

/** Whether the text is one entity-tag and nothing else. */
export function isEntityTag(text: string): text is EntityTag {
  return entityTag.test(text)
}

/**
 * Parses the value of If-Match or If-None-Match: `'*'`, or the listed entity-tags.
 *
 * Commas inside the quotes belong to the tag; empty list elements are allowed (§5.6.1.2).
 * Returns `undefined` if the text is neither.
 */
export function parseEntityTags(fieldValue: string): '*' | EntityTag[] | undefined {
  if (fieldValue.trim() === '*') return '*'
  const entityTags: EntityTag[] = []
  nextInList.lastIndex = 0
  while (nextInList.lastIndex < fieldValue.length) {
    const match = nextInList.exec(fieldValue)
    if (!match) return undefined
    if (match[1] !== undefined) entityTags.push(match[1])
  }
  return entityTags.length > 0 ? entityTags : undefined
}

/** Strong comparison (§8.8.3.2): both are strong and their opaque-tags are the same. */
export function strongCompare(a: EntityTag, b: EntityTag): boolean {
  return a === b && !isWeak(a)
}

/** Weak comparison (§8.8.3.2): their opaque-tags are the same. */
export function weakCompare(a: EntityTag, b: EntityTag): boolean {
  return opaqueTag(a) === opaqueTag(b)
}

/** The weak tag for content that is equivalent but no longer the same byte for byte (§8.8.1). */
export function weaken(tag: EntityTag): EntityTag {
  return isWeak(tag) ? tag : `W/${tag}`
}

/** The tag of a variant of what has this tag: no cache takes the bytes of one for those of the other. */
export function tagOfVariant(tag: EntityTag, name: string): EntityTag {
  return `${tag.slice(0, -1)}-${name}"`
}

function isWeak(tag: EntityTag): boolean {
  return tag.startsWith('W/')
}

function opaqueTag(tag: EntityTag): string {
  return isWeak(tag) ? tag.slice(2) : tag
}
