// Range, RFC 9110 §14.1 and §14.2: https://www.rfc-editor.org/rfc/rfc9110#section-14.1
//
//   ranges-specifier = range-unit "=" range-set
//   range-set        = 1#range-spec
//   int-range        = first-pos "-" [ last-pos ]
//   suffix-range     = "-" suffix-length

import rangeParser from 'range-parser'

/** One range-spec of a bytes range set: an int-range, its last position optional, or a suffix. */
export type RangeSpec =
  | { readonly firstPos: number; readonly lastPos?: number }
  | { readonly suffixLength: number }

/**
 * A satisfiable range of bytes, both positions inclusive.
 *
 * Comes from {@link satisfy} alone, directly or joined, so `0 <= firstPos <= lastPos < completeLength`;
 * but if the representation is growing, a range may have no end, and `lastPos` is `Infinity`.
 */
export interface ByteRange {
  readonly firstPos: number
  readonly lastPos: number
}

/** The number of bytes in a range. */
export function byteLength(range: ByteRange): number {
  return range.lastPos - range.firstPos + 1
}

const oneIntRange = /^bytes=(\d{1,15})-(\d{1,15})?$/i
const rangesSpecifier = /^bytes=(.*)$/i
const rangeSpec = /^(?:(\d+)-(\d*)|-(\d+))$/

/**
 * Parses a Range field value into its range set.
 *
 * Returns `undefined` if the request is to be handled as if the field were absent. That is required
 * for an unknown range unit and allowed for an invalid ranges-specifier (§14.2). The unit is
 * case-insensitive; white space around a range-spec and empty list elements are allowed; a single
 * `last-pos < first-pos` makes the entire set invalid (§14.1.1). A number beyond the safe integers is
 * read as the largest of them.
 *
 * @example
 * parseRange('bytes=0-499, -500')
 * // [{ firstPos: 0, lastPos: 499 }, { suffixLength: 500 }]
 */
export function parseRange(fieldValue: string): RangeSpec[] | undefined {
  const one = oneIntRange.exec(fieldValue)
  if (one) {
    const firstPos = Number(one[1])
    if (one[2] === undefined) return [{ firstPos }]
    const lastPos = Number(one[2])
    return lastPos < firstPos ? undefined : [{ firstPos, lastPos }]
  }
  const rangeSetText = rangesSpecifier.exec(fieldValue)?.[1]
  if (rangeSetText === undefined) return undefined
  const rangeSet: RangeSpec[] = []
  for (const element of rangeSetText.split(',')) {
    const text = trimWhitespace(element)
    if (text === '') continue
    const spec = parseRangeSpec(text)
    if (!spec) return undefined
    rangeSet.push(spec)
  }
  return rangeSet.length > 0 ? rangeSet : undefined
}

/**
 * Resolves a range set against a complete length: the satisfiable ranges, in the order requested.
 *
 * Returns none if the set is unsatisfiable (§14.1.2). A suffix longer than the representation covers
 * all of it.
 */
export function satisfy(rangeSet: readonly RangeSpec[], completeLength: number): ByteRange[] {
  const [only] = rangeSet
  // Nearly every request has one range that needs no resolving; range-parser would cost more than the
  // rest of the plan.
  if (rangeSet.length === 1 && only && isSatisfied(only, completeLength)) {
    return [{ firstPos: only.firstPos, lastPos: only.lastPos }]
  }
  const resolved = rangeParser(completeLength, formatForResolver(rangeSet, completeLength))
  if (typeof resolved === 'number') return []
  return resolved.map(({ start, end }) => ({ firstPos: start, lastPos: end }))
}

/**
 * Joins ranges that overlap, touch, or are separated by a gap smaller than `maxGap` bytes, as §14.2
 * and §15.3.7.2 allow. A joined range takes the place of its first member. O(n log n).
 */
export function coalesce(ranges: readonly ByteRange[], maxGap: number): ByteRange[] {
  if (ranges.length < 2) return [...ranges]
  const ascending = ranges
    .map(({ firstPos, lastPos }, place) => ({ firstPos, lastPos, place }))
    .toSorted((a, b) => a.firstPos - b.firstPos)
  const joined = [ascending[0]!]
  for (const range of ascending.slice(1)) {
    const last = joined.at(-1)!
    const gap = range.firstPos - last.lastPos - 1
    if (gap <= 0 || gap < maxGap) {
      last.lastPos = Math.max(last.lastPos, range.lastPos)
      last.place = Math.min(last.place, range.place)
    } else {
      joined.push(range)
    }
  }
  return joined
    .toSorted((a, b) => a.place - b.place)
    .map(({ firstPos, lastPos }) => ({ firstPos, lastPos }))
}

function trimWhitespace(text: string): string {
  // OWS is SP and HTAB only (§5.6.3); trim() removes two dozen other characters.
  let from = 0
  let to = text.length
  while (from < to && isWhitespace(text.charCodeAt(from))) from++
  while (to > from && isWhitespace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function parseRangeSpec(text: string): RangeSpec | undefined {
  const match = rangeSpec.exec(text)
  if (!match) return undefined
  const [, first, last, suffix] = match
  if (suffix !== undefined) return { suffixLength: toPosition(suffix) }
  const firstPos = toPosition(first!)
  if (last === '' || last === undefined) return { firstPos }
  if (isLess(last, first!)) return undefined
  return { firstPos, lastPos: toPosition(last) }
}

/** Whether a range-spec needs no resolving. */
function isSatisfied(spec: RangeSpec, completeLength: number): spec is ByteRange {
  return (
    'firstPos' in spec &&
    spec.lastPos !== undefined &&
    spec.firstPos >= 0 &&
    spec.firstPos <= spec.lastPos &&
    spec.lastPos < completeLength
  )
}

/** Reads digits of any length; a number too large is beyond the end of every representation. */
function toPosition(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}

/** Compares digits as numbers, even if Number() would round both to the same one. */
function isLess(a: string, b: string): boolean {
  const left = a.replace(/^0+/, '')
  const right = b.replace(/^0+/, '')
  return left.length === right.length ? left < right : left.length < right.length
}

/** Formats a set for range-parser, which rejects a suffix longer than the representation. */
function formatForResolver(rangeSet: readonly RangeSpec[], completeLength: number): string {
  const specs = rangeSet.map((spec) => {
    if ('suffixLength' in spec) return `-${Math.min(spec.suffixLength, completeLength)}`
    return `${spec.firstPos}-${spec.lastPos ?? ''}`
  })
  return `bytes=${specs.join(',')}`
}
