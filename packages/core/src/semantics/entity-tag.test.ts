// RFC 9110 §8.8.3.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  codingOf,
  encodedTag,
  isEntityTag,
  parseEntityTags,
  strongCompare,
  tagOfEncoding,
  weakCompare,
} from './entity-tag.ts'

const lists: [fieldValue: string, expected: '*' | string[]][] = [
  ['"xyzzy"', ['"xyzzy"']], // §13.1.1
  ['"xyzzy", "r2d2xxxx", "c3piozzzz"', ['"xyzzy"', '"r2d2xxxx"', '"c3piozzzz"']],
  ['W/"xyzzy", W/"r2d2xxxx"', ['W/"xyzzy"', 'W/"r2d2xxxx"']], // §13.1.2
  ['*', '*'],
  [' *\t', '*'],
  ['""', ['""']], // *etagc may be empty
  ['W/""', ['W/""']],
  ['"a,b"', ['"a,b"']], // a comma inside the quotes does not split
  ['"a,b", "c,d"', ['"a,b"', '"c,d"']],
  ['","', ['","']],
  ['"*"', ['"*"']], // a tag like any other
  ['"W/"', ['"W/"']],
  ['"a\\"', ['"a\\"']], // an opaque-tag is not a quoted-string: a backslash escapes nothing
  ['"\u00e9"', ['"\u00e9"']], // obs-text
  ['"a","b"', ['"a"', '"b"']], // white space is optional
  ['"a"\t ,\t "b"', ['"a"', '"b"']], // OWS is SP and HTAB
  [',"a",, ,"b",', ['"a"', '"b"']], // §5.6.1.2: empty elements
  ['  "a"  ', ['"a"']],
]

const notLists: [fieldValue: string, why: string][] = [
  ['', 'a list has at least one member'],
  [' ', 'a list has at least one member'],
  [',', 'a list has at least one member'],
  ['xyzzy', 'the quotes are part of a tag'],
  ['"xyzzy', 'the closing quote is missing'],
  ['xyzzy"', 'the opening quote is missing'],
  ["'xyzzy'", 'single quotes are not quotes'],
  ['w/"xyzzy"', 'W/ is case-sensitive'],
  ['W/ "xyzzy"', 'white space after W/'],
  ['W/xyzzy', 'the quotes are part of a tag'],
  ['"a b"', 'white space inside a tag'],
  ['"a\tb"', 'white space inside a tag'],
  ['"a\u007fb"', 'DEL inside a tag'],
  ['"\u0100"', 'a character beyond Latin-1'],
  ['"a" "b"', 'commas separate the members'],
  ['"a";"b"', 'commas separate the members'],
  ['"a"\u00a0,"b"', 'a no-break space is not OWS'],
  ['*, "a"', 'an asterisk must be the only member'],
  ['"a", *', 'an asterisk must be the only member'],
  ['**', 'an asterisk must be the only member'],
  ['"a", b', 'one invalid member invalidates the list'],
]

describe('parseEntityTags', () => {
  it.each(lists)('parses %j as %j', (fieldValue, expected) => {
    expect(parseEntityTags(fieldValue)).toEqual(expected)
  })

  it.each(notLists)('rejects %j: %s', (fieldValue) => {
    expect(parseEntityTags(fieldValue)).toBeUndefined()
  })

  it('parses every list, whatever its white space and empty elements', () => {
    const separator = fc
      .tuple(whitespace(), fc.array(whitespace(), { maxLength: 3 }), whitespace())
      .map(
        ([before, empty, after]) =>
          `${before},${empty.map((space) => `${space},`).join('')}${after}`,
      )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(entityTags(), separator), { minLength: 1, maxLength: 8 }),
        fc.tuple(whitespace(), fc.boolean()),
        (members, [lead, trailingComma]) => {
          const last = members.length - 1
          const fieldValue = members
            .map(([tag, comma], index) => (index < last || trailingComma ? tag + comma : tag))
            .join('')
          expect(parseEntityTags(lead + fieldValue)).toEqual(members.map(([tag]) => tag))
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('never throws, and returns entity-tags only', () => {
    const alphabet = fc.constantFrom(...Array.from('",*\\ \t\na\u00e9'), 'W/', 'w/')
    const tagLike = fc.array(alphabet, { maxLength: 20 }).map((words) => words.join(''))
    fc.assert(
      fc.property(fc.oneof(tagLike, fc.string({ unit: 'binary' })), (text) => {
        const parsed = parseEntityTags(text)
        if (parsed === undefined) return
        if (parsed === '*') expect(text.trim()).toBe('*')
        else expect(parsed.every(isEntityTag)).toBe(true)
      }),
      { numRuns: 10_000 },
    )
  })

  it.each<[what: string, text: string]>([
    ['spaces', ' '.repeat(100_000)],
    ['spaces and a letter', `${' '.repeat(100_000)}x`],
    ['spaces between a tag and a letter', `"a"${' '.repeat(100_000)}x`],
    ['quotes', '"'.repeat(100_001)],
    ['pairs of quotes without commas', '""'.repeat(50_000)],
    ['W/"', 'W/"'.repeat(33_334)],
    ['a tag without a closing quote', `"${'a'.repeat(100_000)}`],
    ['spaced commas and a letter', `${' ,\t'.repeat(33_334)}x`],
    ['tags and a letter', `${'"a" ,'.repeat(20_000)}x`],
    ['asterisks', '*'.repeat(100_000)],
  ])('rejects 100 KB of %s', (_, text) => {
    expect(parseEntityTags(text)).toBeUndefined()
  })

  it('parses 100 KB of commas before a tag', () => {
    expect(parseEntityTags(`${','.repeat(100_000)}"a"`)).toEqual(['"a"'])
  })

  it('parses 100 KB of tags', () => {
    expect(parseEntityTags(Array(20_000).fill('"a"').join(', '))).toHaveLength(20_000)
  })

  it('matches once for each element', () => {
    const exec = vi.spyOn(RegExp.prototype, 'exec')
    try {
      for (const size of [10, 100, 1000]) {
        exec.mockClear()
        parseEntityTags('"a",,'.repeat(size))
        expect(exec.mock.calls.length).toBeLessThanOrEqual(2 * size + 1)
      }
    } finally {
      exec.mockRestore()
    }
  })
})

describe('isEntityTag', () => {
  it.each(['"a"', 'W/"a"', '""', '"a,b"', '"!#~\u0080\u00ff"'])('accepts %j', (text) => {
    expect(isEntityTag(text)).toBe(true)
  })

  it.each([
    'a',
    '*',
    '',
    ' "a"',
    '"a" ',
    '"a", "b"',
    '"a"b"',
    'w/"a"',
    'W/',
    '"a b"',
    '"a\u007f"',
    '"\u0100"',
    '"a"\n',
    '"\r\nX: y"',
  ])('rejects %j', (text) => {
    expect(isEntityTag(text)).toBe(false)
  })

  it('rejects 100 KB of quotes', () => {
    expect(isEntityTag('"'.repeat(100_000))).toBe(false)
  })
})

describe('comparison', () => {
  // The table of §8.8.3.2, and two rows of its kind.
  it.each<[a: string, b: string, strong: boolean, weak: boolean]>([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"2"', false, false],
    ['"a"', '"A"', false, false], // character by character
    ['"W/1"', 'W/"1"', false, false], // W/ inside the quotes is opaque
  ])('of %s and %s is %s when strong, %s when weak', (a, b, strong, weak) => {
    expect(strongCompare(a, b)).toBe(strong)
    expect(weakCompare(a, b)).toBe(weak)
  })

  it('is symmetric, and a strong match is a weak one too', () => {
    const few = fc.constantFrom('"1"', 'W/"1"', '"2"', 'W/"2"', '""', 'W/""')
    const tag = fc.oneof(few, entityTags())
    fc.assert(
      fc.property(tag, tag, (a, b) => {
        expect(strongCompare(a, b)).toBe(strongCompare(b, a))
        expect(weakCompare(a, b)).toBe(weakCompare(b, a))
        if (strongCompare(a, b)) expect(weakCompare(a, b)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('encodedTag and codingOf', () => {
  it.each<[plain: string, coding: string, encoded: string]>([
    ['"v1"', 'gzip', 'W/"v1-gzip"'],
    ['W/"v1"', 'br', 'W/"v1-br"'],
    ['"v1"', 'ZSTD', 'W/"v1-zstd"'],
    ['"v1-br"', 'br', 'W/"v1-br-br"'],
    ['""', 'deflate', 'W/"-deflate"'],
  ])('of %s in %s is %s', (plain, coding, encoded) => {
    expect(encodedTag(plain, coding)).toBe(encoded)
    expect(codingOf(encoded, plain)).toBe(coding.toLowerCase())
  })

  it('is an entity-tag whatever the coding', () => {
    for (const coding of ['gzip, br', 'x"y', 'é', '']) {
      expect(isEntityTag(encodedTag('"v1"', coding)), coding).toBe(true)
    }
  })

  it('is of fields that hold a tag', () => {
    expect(tagOfEncoding('"v1"', 'gzip')).toBe('W/"v1-gzip"')
    for (const etag of [undefined, '', 'v1', '"v1", "v2"', 1]) {
      expect(tagOfEncoding(etag, 'gzip')).toBeUndefined()
    }
  })

  it.each<[tag: string, plain: string]>([
    ['"v1"', '"v1"'],
    ['"v1-br"', '"v1-br"'],
    ['W/"v2-br"', '"v1"'],
    ['W/"v1-br-br"', '"v1"'],
    ['W/"v1-identity"', '"v1"'],
    ['W/"v1-br"', '"V1"'],
  ])('takes %s for no encoding of %s', (tag, plain) => {
    expect(codingOf(tag, plain)).toBeUndefined()
  })
})

function whitespace(): fc.Arbitrary<string> {
  return fc.constantFrom('', '', ' ', '\t', ' \t ')
}

function entityTags(): fc.Arbitrary<string> {
  const codes = fc.oneof(
    fc.constant(0x21),
    fc.constant(0x2c),
    fc.integer({ min: 0x23, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xff }),
  )
  return fc
    .tuple(fc.boolean(), fc.array(codes, { maxLength: 12 }))
    .map(([weak, opaque]) => `${weak ? 'W/' : ''}"${String.fromCharCode(...opaque)}"`)
}
