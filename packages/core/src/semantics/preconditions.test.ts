// RFC 9110 §13.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  evaluateIfRange,
  evaluatePreconditions,
  notModifiedTag,
  type PreconditionOutcome,
} from './preconditions.ts'
import type { Representation } from './representation.ts'

const before = 'Mon, 02 Nov 2026 12:00:00 GMT'
const modified = 'Tue, 03 Nov 2026 12:00:00 GMT'
const after = 'Wed, 04 Nov 2026 12:00:00 GMT'
const now = Date.parse('2026-11-23T12:00:00Z')

const strong = { length: 10, etag: '"v1"', lastModified: new Date(modified) }
const weak = { ...strong, etag: 'W/"v1"' }
const undated = { length: 10, etag: '"v1"' }
const untagged = { length: 10, lastModified: new Date(modified) }
const bare = { length: 10 }

type Row = [
  fields: Record<string, string | string[]>,
  representation: Representation,
  expected: PreconditionOutcome,
]

const ifMatch: Row[] = [
  [{ 'if-match': '"v1"' }, strong, 'proceed'], // §13.1.1
  [{ 'if-match': '"v2"' }, strong, 'precondition-failed'],
  [{ 'if-match': '"v2", "v1"' }, strong, 'proceed'], // any member may match
  [{ 'if-match': ['"v2"', '"v1"'] }, strong, 'proceed'], // §5.2: field lines are joined
  [{ 'if-match': '*' }, strong, 'proceed'],
  [{ 'if-match': '*' }, bare, 'proceed'], // a representation exists, with or without a tag
  [{ 'if-match': '"v1"' }, bare, 'precondition-failed'], // without a tag nothing matches
  [{ 'if-match': 'W/"v1"' }, strong, 'precondition-failed'], // strong comparison
  [{ 'if-match': '"v1"' }, weak, 'precondition-failed'],
  [{ 'if-match': 'W/"v1"' }, weak, 'precondition-failed'], // even with itself
  [{ 'if-match': '"a,v1"' }, strong, 'precondition-failed'], // the comma is part of the tag
  [{ 'if-match': 'v1' }, strong, 'precondition-failed'], // not an entity-tag
]

const ifUnmodifiedSince: Row[] = [
  [{ 'if-unmodified-since': modified }, strong, 'proceed'], // §13.1.4: earlier or equal
  [{ 'if-unmodified-since': after }, strong, 'proceed'],
  [{ 'if-unmodified-since': before }, strong, 'precondition-failed'],
  [{ 'if-unmodified-since': 'yesterday' }, strong, 'proceed'], // an invalid date is ignored
  [{ 'if-unmodified-since': before }, undated, 'proceed'], // no date to compare it with
  [{ 'if-unmodified-since': 'Monday, 02-Nov-26 12:00:00 GMT' }, strong, 'precondition-failed'],
  [{ 'if-unmodified-since': before, 'if-match': '"v1"' }, strong, 'proceed'], // If-Match takes precedence
  [{ 'if-unmodified-since': after, 'if-match': '"v2"' }, strong, 'precondition-failed'],
]

const ifNoneMatch: Row[] = [
  [{ 'if-none-match': '"v1"' }, strong, 'not-modified'], // §13.1.2
  [{ 'if-none-match': '"v2"' }, strong, 'proceed'],
  [{ 'if-none-match': '"v2", W/"v1"' }, strong, 'not-modified'], // weak comparison
  [{ 'if-none-match': ['"v2"', '"v1"'] }, strong, 'not-modified'],
  [{ 'if-none-match': '"v1"' }, weak, 'not-modified'],
  [{ 'if-none-match': 'W/"v1"' }, weak, 'not-modified'],
  [{ 'if-none-match': '*' }, strong, 'not-modified'],
  [{ 'if-none-match': '*' }, bare, 'not-modified'],
  [{ 'if-none-match': '"v1"' }, bare, 'proceed'],
  [{ 'if-none-match': '"a,"v1"' }, strong, 'proceed'], // not a list of entity-tags
  [{ 'if-none-match': 'v1' }, strong, 'proceed'],
  [{ 'if-none-match': '"v1"', 'cache-control': 'no-cache' }, strong, 'not-modified'], // does not disable it
]

const ifModifiedSince: Row[] = [
  [{ 'if-modified-since': modified }, strong, 'not-modified'], // §13.1.3: earlier or equal
  [{ 'if-modified-since': after }, strong, 'not-modified'],
  [{ 'if-modified-since': before }, strong, 'proceed'],
  [{ 'if-modified-since': 'yesterday' }, strong, 'proceed'], // an invalid date is ignored
  [{ 'if-modified-since': '' }, strong, 'proceed'],
  [{ 'if-modified-since': after }, undated, 'proceed'], // no date to compare it with
  [{ 'if-modified-since': 'Tue Nov  3 12:00:00 2026' }, strong, 'not-modified'],
  [{ 'if-modified-since': ` ${modified}\t` }, strong, 'not-modified'],
  [{ 'if-modified-since': after, 'if-none-match': '"v2"' }, strong, 'proceed'], // If-None-Match takes precedence
  [{ 'if-modified-since': before, 'if-none-match': '"v1"' }, strong, 'not-modified'],
  [{ 'if-modified-since': after, 'if-none-match': 'v1' }, strong, 'proceed'], // even if invalid
  [{ 'if-modified-since': modified }, addMs(strong, 999), 'not-modified'], // fractions are ignored
  [{ 'if-modified-since': modified }, addMs(strong, 1000), 'proceed'],
]

const inTheirOrder: Row[] = [
  [{ 'if-match': '"v2"', 'if-none-match': '"v1"' }, strong, 'precondition-failed'], // §13.2.2
  [{ 'if-match': '"v1"', 'if-none-match': '"v1"' }, strong, 'not-modified'],
  [{ 'if-match': '"v1"', 'if-modified-since': after }, strong, 'not-modified'],
  [{ 'if-unmodified-since': before, 'if-none-match': '"v1"' }, strong, 'precondition-failed'],
  [{ 'if-unmodified-since': after, 'if-modified-since': before }, strong, 'proceed'],
  [{ 'if-range': '"v2"' }, strong, 'proceed'], // If-Range never fails a request
  [{}, strong, 'proceed'],
]

describe('evaluatePreconditions', () => {
  it.each([...ifMatch, ...ifUnmodifiedSince, ...ifNoneMatch, ...ifModifiedSince, ...inTheirOrder])(
    'with %j, for %j returns %s',
    (headers, representation, expected) => {
      expect(evaluatePreconditions({ headers }, representation, now)).toBe(expected)
    },
  )

  it('accepts the headers of a Fetch request', () => {
    const headers = new Headers({ 'If-None-Match': '"v2"' })
    headers.append('If-None-Match', '"v1"')
    expect(evaluatePreconditions({ headers }, strong, now)).toBe('not-modified')
  })

  it('agrees with the steps of §13.2.2 for any combination of fields', () => {
    const tags = fc.constantFrom(undefined, '*', '"v1"', 'W/"v1"', '"v2"', '"v2", "v1"')
    const since = fc.constantFrom(undefined, before, modified, after, 'invalid')
    fc.assert(
      fc.property(
        fc.tuple(tags, since, tags, since),
        fc.constantFrom(undefined, '"v1"', 'W/"v1"', '"v3"'),
        fc.constantFrom(undefined, new Date(modified)),
        ([match, unmodified, noneMatch, modifiedSince], etag, lastModified) => {
          const representation = {
            length: 10,
            ...(etag === undefined ? {} : { etag }),
            ...(lastModified === undefined ? {} : { lastModified }),
          }
          const headers = {
            'if-match': match,
            'if-unmodified-since': unmodified,
            'if-none-match': noneMatch,
            'if-modified-since': modifiedSince,
          }
          expect(evaluatePreconditions({ headers }, representation, now)).toBe(
            spelledOut([match, unmodified, noneMatch, modifiedSince], etag, lastModified),
          )
        },
      ),
      { numRuns: 10_000 },
    )
  })

  it('never throws', () => {
    const word = fc.constantFrom('"', 'W/', '*', ',', before)
    const text = fc.oneof(fc.string({ unit: 'binary' }), word)
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        const headers = { 'if-match': a, 'if-unmodified-since': b, 'if-none-match': c }
        evaluatePreconditions({ headers: { ...headers, 'if-modified-since': d } }, strong, now)
        evaluatePreconditions({ headers: { 'if-none-match': c } }, strong, now)
        evaluateIfRange(a, strong, now)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('evaluateIfRange', () => {
  const modifiedAt = Date.parse(modified)

  // §13.1.5.
  it.each<[why: string, value: string, of: Representation, at: number, expected: boolean]>([
    ['the same strong tag', '"v1"', strong, now, true],
    ['the same strong tag, padded', ' "v1"\t', strong, now, true],
    ['another tag', '"v2"', strong, now, false],
    ['a weak tag', 'W/"v1"', strong, now, false],
    ['a strong tag if the representation has a weak one', '"v1"', weak, now, false],
    ['the same weak tag', 'W/"v1"', weak, now, false],
    ['a tag if the representation has none', '"v1"', untagged, now, false],
    ['a list of tags', '"v1", "v2"', strong, now, false],
    ['an asterisk', '*', strong, now, false],
    ['a tag without quotes', 'v1', strong, now, false],
    ['an empty value', '', strong, now, false],
    ['the exact date', modified, strong, now, true],
    ['the exact date in another form', 'Tuesday, 03-Nov-26 12:00:00 GMT', strong, now, true],
    ['the exact date, with a fraction', modified, addMs(untagged, 999), now, true],
    ['an earlier date', before, strong, now, false],
    ['a merely later date', after, strong, now, false],
    ['a date a second later', 'Tue, 03 Nov 2026 12:00:01 GMT', strong, now, false],
    ['a date if the representation has none', modified, undated, now, false],
    ['an invalid date', 'Tue, 03 Nov 2026 12:00:00', strong, now, false],
    // §8.8.2.2: a later change within the same second would not show.
    ['a date in the current second', modified, untagged, modifiedAt + 999, false],
    ['a date in the previous second', modified, untagged, modifiedAt + 1000, true],
    ['a future date', modified, untagged, modifiedAt - 60_000, false],
    ['a date 2 s after the change', modified, changedAt(300), modifiedAt + 2300, false],
    ['a date more than 2 s after the change', modified, changedAt(300), modifiedAt + 2301, true],
    ['a date before a change of now', modified, changedAt(60_000), modifiedAt + 60_100, true],
    ['a date of a change to come', modified, changedAt(1900), modifiedAt + 1000, false],
  ])('of %s: %j', (_, value, representation, at, expected) => {
    expect(evaluateIfRange(value, representation, at)).toBe(expected)
  })
})

/** A file that changed so long after the date of its last modification. */
function changedAt(ms: number): Representation {
  return { ...untagged, lastChanged: new Date(Date.parse(modified) + ms) }
}

describe('a representation that may be encoded', () => {
  const accept = { 'accept-encoding': 'gzip, br' }
  it.each<[fields: Record<string, string>, expected: PreconditionOutcome, tag?: string]>([
    [{ ...accept, 'if-none-match': 'W/"v1-br"' }, 'not-modified', 'W/"v1-br"'],
    // That of a precompressed variant, say.
    [{ ...accept, 'if-none-match': '"v1-gzip"' }, 'proceed'],
    [{ ...accept, 'if-none-match': '"v0", W/"v1-br"' }, 'not-modified', 'W/"v1-br"'],
    [{ ...accept, 'if-none-match': 'W/"v1-br", "v1"' }, 'not-modified', '"v1"'],
    [{ ...accept, 'if-none-match': 'W/"v1"' }, 'not-modified', 'W/"v1"'],
    [{ ...accept, 'if-none-match': '"v1"' }, 'not-modified', '"v1"'],
    [{ ...accept, 'if-none-match': '*' }, 'not-modified', '"v1"'],
    [{ ...accept, 'if-none-match': 'W/"v2-br"' }, 'proceed'],
    [{ ...accept, 'if-none-match': 'W/"v1-x"' }, 'proceed'],
    // A coding that this request cannot get: what the client has is not what it requests.
    [{ ...accept, 'if-none-match': 'W/"v1-zstd"' }, 'proceed'],
    [{ 'accept-encoding': 'identity', 'if-none-match': 'W/"v1-br"' }, 'proceed'],
    [{ ...accept, 'if-none-match': 'W/"v1-br"', range: 'bytes=0-4' }, 'proceed'],
    [{ ...accept, 'if-match': 'W/"v1-br"' }, 'precondition-failed'],
    [{ ...accept, 'if-match': '"v1-br"' }, 'precondition-failed'],
  ])('%j: %s', (headers, expected, tag) => {
    expect(evaluatePreconditions({ headers }, strong, now, true)).toBe(expected)
    if (tag !== undefined) expect(notModifiedTag({ headers }, strong.etag, true)).toBe(tag)
  })

  it('is compared exactly if it may not', () => {
    const request = { headers: { ...accept, 'if-none-match': 'W/"v1-br"' } }
    expect(evaluatePreconditions(request, strong, now)).toBe('proceed')
    expect(evaluatePreconditions(request, { ...strong, etag: '"v1-br"' }, now)).toBe('not-modified')
    expect(notModifiedTag({ headers: { 'if-none-match': 'W/"v1"' } }, '"v1"', false)).toBe('"v1"')
  })
})

function addMs(representation: { length: number; lastModified: Date }, ms: number) {
  const lastModified = new Date(representation.lastModified.getTime() + ms)
  return { ...representation, lastModified }
}

/** The steps of §13.2.2, for the few values that the property draws from. */
function spelledOut(
  fields: (string | undefined)[],
  etag: string | undefined,
  lastModified: Date | undefined,
): PreconditionOutcome {
  const [match, unmodified, noneMatch, modifiedSince] = fields
  const isDate = (value: string | undefined) => value !== undefined && value !== 'invalid'
  const opaque = (tag: string) => tag.replace('W/', '')
  if (match !== undefined) {
    const matches = match === '*' || (etag === '"v1"' && / ?(?<!W\/)"v1"/.test(match))
    if (!matches) return 'precondition-failed'
  } else if (isDate(unmodified) && lastModified && unmodified === before) {
    return 'precondition-failed'
  }
  if (noneMatch !== undefined) {
    const tags = noneMatch.split(', ').map(opaque)
    const matches = noneMatch === '*' || (etag !== undefined && tags.includes(opaque(etag)))
    return matches ? 'not-modified' : 'proceed'
  }
  if (isDate(modifiedSince) && lastModified && modifiedSince !== before) return 'not-modified'
  return 'proceed'
}
