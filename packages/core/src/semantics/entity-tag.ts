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

/**
 * The entity-tag of an encoding of content: an opaque-tag of its own for each coding, since it is another
 * selected representation (§8.8.3.3), as Apache has it. It is weak: versions of an encoder differ.
 *
 * @param coding the value of Content-Encoding
 */
export function encodedTag(tag: EntityTag, coding: string): EntityTag {
  const suffix = coding.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return `W/${opaqueTag(tag).slice(0, -1)}-${suffix}"`
}

/**
 * As {@link encodedTag}, for the values of fields; `undefined` if there is no ETag field, or it is not
 * an entity-tag.
 *
 * @param etag the ETag of the content that is encoded
 * @param coding the Content-Encoding
 */
export function tagOfEncoding(etag: unknown, coding: unknown): EntityTag | undefined {
  return typeof etag === 'string' && isEntityTag(etag)
    ? encodedTag(etag, String(coding))
    : undefined
}

/** The tag of a variant of what has this tag: no cache takes the bytes of one for those of the other. */
export function tagOfVariant(tag: EntityTag, name: string): EntityTag {
  return `${tag.slice(0, -1)}-${name}"`
}

const suffixOfCoding = /-(br|deflate|gzip|zstd)"$/

/** The coding of the content with this tag, `plain`, that another tag is for; `undefined` if none. */
export function codingOf(tag: EntityTag, plain: EntityTag): string | undefined {
  const coding = suffixOfCoding.exec(tag)?.[1]
  return coding !== undefined && tag === encodedTag(plain, coding) ? coding : undefined
}

/** Whether a tag is weak (§8.8.3). */
export function isWeak(tag: EntityTag): boolean {
  return tag.startsWith('W/')
}

function opaqueTag(tag: EntityTag): string {
  return isWeak(tag) ? tag.slice(2) : tag
}
