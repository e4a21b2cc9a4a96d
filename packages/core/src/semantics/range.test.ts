// RFC 9110 §14.1 and §14.2.

import fc from 'fast-check'
import rangeParser from 'range-parser'
import { describe, expect, it, vi } from 'vitest'
import {
  type ByteRange,
  byteLength,
  coalesce,
  parseRange,
  type RangeSpec,
  satisfy,
} from './range.ts'

const largest = Number.MAX_SAFE_INTEGER
const huge = '9'.repeat(400) // Number() of it is Infinity

const valid: [fieldValue: string, expected: RangeSpec[]][] = [
  ['bytes=0-499', [{ firstPos: 0, lastPos: 499 }]], // §14.1.2, the first 500 bytes
  ['bytes=500-999', [{ firstPos: 500, lastPos: 999 }]],
  ['bytes=-500', [{ suffixLength: 500 }]],
  ['bytes=9500-', [{ firstPos: 9500 }]],
  ['bytes=0-0,-1', [{ firstPos: 0, lastPos: 0 }, { suffixLength: 1 }]],
  ['bytes= 0-999, 4500-5499, -1000', [...pairs([0, 999], [4500, 5499]), { suffixLength: 1000 }]],
  ['bytes=500-600,601-999', pairs([500, 600], [601, 999])],
  ['bytes=500-700,601-999', pairs([500, 700], [601, 999])], // ranges may overlap
  ['bytes=0-0', pairs([0, 0])], // 0 is a position
  ['bytes=0-', [{ firstPos: 0 }]],
  ['bytes=-0', [{ suffixLength: 0 }]], // valid, though unsatisfiable
  ['BYTES=0-4', pairs([0, 4])], // §14.1: range units are case-insensitive
  ['bYtEs=0-4,6-8', pairs([0, 4], [6, 8])],
  ['bytes=0-4 ,\t6-8', pairs([0, 4], [6, 8])], // §5.6.1: OWS around the comma
  ['bytes=,0-4', pairs([0, 4])], // §5.6.1.2: empty elements
  ['bytes=0-4,', pairs([0, 4])],
  ['bytes=,, ,0-4, ,\t,6-8,,', pairs([0, 4], [6, 8])],
  ['bytes=007-0010', pairs([7, 10])], // 1*DIGIT: leading zeros are digits
  ['bytes=00000000000000000000005-00000000000000000000007', pairs([5, 7])],
  ['bytes=-00000000000000000000005', [{ suffixLength: 5 }]],
  ['bytes=999999999999999-999999999999999', pairs([999_999_999_999_999, 999_999_999_999_999])],
  ['bytes=9007199254740991-9007199254740991', pairs([largest, largest])],
  ['bytes=0-9007199254740993', pairs([0, largest])], // beyond the safe integers
  [`bytes=0-${huge}`, pairs([0, largest])],
  [`bytes=${huge}-`, [{ firstPos: largest }]],
  [`bytes=-${huge}`, [{ suffixLength: largest }]],
  // Both round to 2^53, but the digits are in order.
  ['bytes=9007199254740992-9007199254740993', pairs([largest, largest])],
]

const invalid: [fieldValue: string, why: string][] = [
  ['bytes=5-2', 'last-pos < first-pos'], // §14.1.1
  ['bytes=0-4,5-2', 'one last-pos < first-pos makes the set invalid'],
  ['bytes=5-2,0-4', 'one last-pos < first-pos makes the set invalid'],
  ['bytes=1-0', 'last-pos < first-pos, though 0 is falsy'],
  ['bytes=9007199254740993-9007199254740992', 'last-pos < first-pos, beyond the safe integers'],
  [`bytes=${huge}9-${huge}`, 'last-pos < first-pos, both Infinity as numbers'],
  ['bytes=10-009', 'last-pos < first-pos, though it has more digits'],
  ['items=0-4', 'the unit is unknown'], // §14.2: MUST ignore
  ['byte=0-4', 'the unit is unknown'],
  ['xbytes=0-4', 'the unit is unknown'],
  ['none=0-4', 'the unit is unknown'],
  ['=0-4', 'no unit'],
  ['0-4', 'no unit'],
  ['bytes', 'no set'],
  ['bytes=', 'no range-spec'],
  ['bytes=,', 'no range-spec'],
  ['bytes= ,\t, ', 'no range-spec'],
  ['bytes=-', 'a suffix without a length'],
  ['bytes=--5', 'not a range-spec'],
  ['bytes=5', 'not a range-spec'],
  ['bytes=a-b', 'not digits'],
  ['bytes=0-b', 'not digits'],
  ['bytes=0x0-0x4', 'hexadecimal'],
  ['bytes=1e3-', 'not digits'],
  ['bytes=0.5-4', 'not digits'],
  ['bytes=+0-4', 'a sign'],
  ['bytes=0-+4', 'a sign'],
  ['bytes=0-4-8', 'not a range-spec'],
  ['bytes=0 -4', 'white space inside a range-spec'],
  ['bytes=0- 4', 'white space inside a range-spec'],
  ['bytes=- 4', 'white space inside a range-spec'],
  ['bytes =0-4', 'white space before the ='],
  [' bytes=0-4', 'white space before the unit'],
  ['bytes:0-4', 'no ='],
  ['bytes==0-4', 'two ='],
  ['bytes=0-4;6-8', 'commas separate range-specs'],
  ['bytes=0-4 6-8', 'commas separate range-specs'],
  ['bytes=0-4,abc', 'one invalid range-spec invalidates the set'],
  ['bytes=0-4,\u00a0', 'a no-break space is not OWS'],
  ['bytes=0-4\u00a0,6-8', 'a no-break space is not OWS'],
  ['bytes=0-4\n', 'a line feed is not OWS'],
  ['bytes=0-4\r\n,6-8', 'a line break is not OWS'],
  ['bytes=\u0660-\u0664', 'digits beyond ASCII'],
  ['bytes=\uff10-\uff14', 'digits beyond ASCII'],
  ['bytes=0\u20134', 'an en dash'],
  ['bytes 0-4/10', 'a Content-Range'],
  ['bytes=*', 'not a range-spec'],
  ['bytes=0-4, bytes=6-8', 'the unit twice'],
  ['', 'empty'],
]

describe('parseRange', () => {
  it.each(valid)('parses %j', (fieldValue, expected) => {
    expect(parseRange(fieldValue)).toEqual(expected)
  })

  it.each(invalid)('ignores %j: %s', (fieldValue) => {
    expect(parseRange(fieldValue)).toBeUndefined()
  })

  it('parses every set, whatever its white space, case and leading zeros', () => {
    const element = fc.tuple(rangeSpecs(largest), fc.constantFrom('', ' ', '\t', ' ,\t'))
    fc.assert(
      fc.property(
        fc.array(element, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('bytes', 'Bytes', 'BYTES'),
        fc.constantFrom('', '0', '0000000000000000'),
        (elements, unit, zeros) => {
          const text = elements.map(([spec, space]) => space + formatSpec(spec, zeros) + space)
          const expected = elements.map(([spec]) => spec)
          expect(parseRange(`${unit}=${text.join(',')}`)).toEqual(expected)
        },
      ),
      { numRuns: 10_000 },
    )
  })

  it('compares positions of any length exactly', () => {
    const digits = fc.oneof(
      fc.bigInt({ min: 0n, max: 30n }),
      fc.bigInt({ min: 2n ** 53n - 20n, max: 2n ** 53n + 20n }),
      fc.bigInt({ min: 10n ** 39n, max: 10n ** 40n }),
    )
    fc.assert(
      fc.property(digits, digits, fc.constantFrom('', '00'), (first, last, zeros) => {
        const rangeSet = parseRange(`bytes=${zeros}${first}-${last}`)
        if (last < first) expect(rangeSet).toBeUndefined()
        else expect(rangeSet).toEqual(pairs([toPosition(first), toPosition(last)]))
      }),
      { numRuns: 10_000 },
    )
  })

  it('never throws, and returns only safe integers in order', () => {
    const words = ['bytes', '=', '-', ',', ' ', '\t', '0', '5', '12', huge, '\n', 'items', '\u00a0']
    const rangeLike = fc
      .array(fc.constantFrom(...words), { maxLength: 16 })
      .map((all) => `bytes=${all.join('')}`)
    fc.assert(
      fc.property(fc.oneof(rangeLike, fc.string({ unit: 'binary' })), (text) => {
        for (const spec of parseRange(text) ?? []) {
          const positions = Object.values(spec)
          expect(positions.every((position) => Number.isSafeInteger(position))).toBe(true)
          expect(positions.every((position) => position >= 0)).toBe(true)
          if ('lastPos' in spec) expect(spec.lastPos).toBeGreaterThanOrEqual(spec.firstPos)
        }
      }),
      { numRuns: 10_000 },
    )
  })

  it.each<[what: string, text: string]>([
    ['spaces', `bytes=${' '.repeat(100_000)}`],
    ['spaces and a letter', `bytes=${' '.repeat(100_000)}x`],
    ['spaces inside a range-spec', `bytes=0-${' '.repeat(100_000)}4`],
    ['tabs and spaces between range-specs and a letter', `bytes=0-4${' \t'.repeat(50_000)}x,6-8`],
    ['commas', `bytes=${','.repeat(100_000)}`],
    ['spaced commas', `bytes=${' , '.repeat(33_334)}`],
    ['hyphens', `bytes=${'-'.repeat(100_000)}`],
    ['quotes', `bytes=${'"'.repeat(100_000)}`],
    ['equals signs', `bytes${'='.repeat(100_000)}`],
    ['digits without a hyphen', `bytes=${'1'.repeat(100_000)}`],
    ['digits in the wrong order', `bytes=${'9'.repeat(50_000)}-${'8'.repeat(50_000)}`],
    ['zeros in the wrong order', `bytes=${'0'.repeat(99_999)}2-1`],
    ['range-specs, the last one invalid', `bytes=${'0-,'.repeat(33_334)}x`],
    ['units', 'bytes='.repeat(16_667)],
  ])('ignores 100 KB of %s', (_, text) => {
    expect(parseRange(text)).toBeUndefined()
  })

  it('parses 100 KB of range-specs, digits and zeros', () => {
    expect(parseRange(`bytes=${'0-,'.repeat(33_334)}`)).toHaveLength(33_334)
    expect(parseRange(`bytes=${','.repeat(100_000)}0-4`)).toEqual(pairs([0, 4]))
    expect(parseRange(`bytes=${'1'.repeat(50_000)}-${'2'.repeat(50_000)}`)).toHaveLength(1)
    expect(parseRange(`bytes=${'0'.repeat(100_000)}-1`)).toEqual(pairs([0, 1]))
  })

  it('matches each character at most three times', () => {
    const exec = vi.spyOn(RegExp.prototype, 'exec')
    try {
      for (const specs of [10, 100, 1000, 10_000]) {
        exec.mockClear()
        const text = `bytes=${'0-1 ,'.repeat(specs)}`
        parseRange(text)
        const seen = exec.mock.calls.reduce((sum, [input]) => sum + input.length, 0)
        expect(seen).toBeLessThanOrEqual(3 * text.length)
      }
    } finally {
      exec.mockRestore()
    }
  })
})

const satisfied: [fieldValue: string, completeLength: number, expected: string[]][] = [
  ['bytes=0-499', 10_000, ['0-499']], // §14.1.2, the first 500 bytes
  ['bytes=500-999', 10_000, ['500-999']],
  ['bytes=-500', 10_000, ['9500-9999']],
  ['bytes=9500-', 10_000, ['9500-9999']],
  ['bytes=0-0,-1', 10_000, ['0-0', '9999-9999']],
  ['bytes= 0-999, 4500-5499, -1000', 10_000, ['0-999', '4500-5499', '9000-9999']],
  ['bytes=500-600,601-999', 10_000, ['500-600', '601-999']],
  ['bytes=500-700,601-999', 10_000, ['500-700', '601-999']],
  ['bytes=0-0', 10_000, ['0-0']], // not the full representation
  ['bytes=0-', 10_000, ['0-9999']],
  ['bytes=5-', 10_000, ['5-9999']], // to the end
  ['bytes=-500', 200, ['0-199']], // a suffix longer than the representation
  ['bytes=-200', 200, ['0-199']],
  ['bytes=-201', 200, ['0-199']],
  ['bytes=0-199', 200, ['0-199']],
  ['bytes=0-200', 200, ['0-199']], // cut off at the end
  ['bytes=199-199', 200, ['199-199']], // the last byte
  ['bytes=200-200', 200, []], // first-pos >= length
  ['bytes=200-', 200, []],
  ['bytes=0-0,20000-', 10_000, ['0-0']], // one satisfiable range-spec is enough
  ['bytes=20000-,0-0', 10_000, ['0-0']],
  ['bytes=20000-30000,-0,40000-', 10_000, []],
  ['bytes=-0', 10_000, []], // valid, unsatisfiable
  ['bytes=-0,5-6', 10_000, ['5-6']],
  ['bytes=0-0', 1, ['0-0']],
  ['bytes=-1', 1, ['0-0']],
  ['bytes=1-', 1, []],
  ['bytes=0-', 0, []], // empty
  ['bytes=0-0', 0, []],
  ['bytes=9-9,0-0,5-5', 10, ['9-9', '0-0', '5-5']], // in the order requested
  ['bytes=0-4,0-4', 10, ['0-4', '0-4']], // as often as requested
  ['bytes=0-9007199254740993', 10, ['0-9']], // digits beyond the safe integers
  [`bytes=0-${huge}`, 10, ['0-9']],
  [`bytes=-${huge}`, 10, ['0-9']],
  [`bytes=${huge}-`, 10, []],
  [`bytes=${huge}-${huge}`, largest, []],
  ['bytes=9007199254740990-', largest, ['9007199254740990-9007199254740990']],
  ['bytes=9007199254740991-', largest, []],
]

describe('satisfy', () => {
  it.each(satisfied)('%s of %i bytes is %j', (fieldValue, completeLength, expected) => {
    expect(text(satisfy(parseRange(fieldValue)!, completeLength))).toEqual(expected)
  })

  it('follows §14.1.2 and stays inside the representation', () => {
    const length = fc.oneof(fc.nat({ max: 40 }), fc.maxSafeNat())
    fc.assert(
      fc.property(length.chain(withRangeSet), ([completeLength, rangeSet]) => {
        const ranges = satisfy(rangeSet, completeLength)
        expect(ranges).toEqual(rangeSet.flatMap((spec) => resolved(spec, completeLength)))
        for (const { firstPos, lastPos } of ranges) {
          expect(firstPos >= 0 && firstPos <= lastPos && lastPos < completeLength).toBe(true)
        }
      }),
      { numRuns: 15_000 },
    )
  })

  it('returns objects with the two positions only', () => {
    for (const rangeSet of [[{ firstPos: 0 }], [{ firstPos: 0, lastPos: 9, extra: 1 }]]) {
      const ranges = satisfy(rangeSet, 10)
      expect(ranges).toStrictEqual([{ firstPos: 0, lastPos: 9 }])
      expect(Object.keys(ranges)).toEqual(['0'])
    }
  })

  it('resolves a single range as range-parser does', () => {
    const position = fc.integer({ min: -2, max: 12 })
    fc.assert(
      fc.property(position, position, position, (firstPos, lastPos, completeLength) => {
        const found = rangeParser(completeLength, `bytes=${firstPos}-${lastPos}`)
        const expected = Array.isArray(found)
          ? found.map(({ start, end }) => ({ firstPos: start, lastPos: end }))
          : []
        expect(satisfy([{ firstPos, lastPos }], completeLength)).toEqual(expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('resolves 1,300 and 33,334 overlapping ranges', () => {
    const kingHeader = Array.from({ length: 1300 }, (_, index) => `${index}-`).join(',')
    expect(satisfy(parseRange(`bytes=${kingHeader}`)!, 100_000)).toHaveLength(1300)
    expect(satisfy(parseRange(`bytes=${'0-,'.repeat(33_334)}`)!, 100_000)).toHaveLength(33_334)
  })
})

describe('coalesce', () => {
  it.each<[ranges: [number, number][], maxGap: number, expected: string[]]>([
    [[], 0, []],
    [[[0, 4]], 0, ['0-4']],
    [
      [
        [0, 4],
        [2, 8],
      ],
      0,
      ['0-8'],
    ], // overlapping
    [
      [
        [0, 4],
        [5, 9],
      ],
      0,
      ['0-9'],
    ], // touching
    [
      [
        [0, 4],
        [6, 9],
      ],
      0,
      ['0-4', '6-9'],
    ], // a gap of one
    [
      [
        [0, 4],
        [6, 9],
      ],
      1,
      ['0-4', '6-9'],
    ], // not smaller than maxGap
    [
      [
        [0, 4],
        [6, 9],
      ],
      2,
      ['0-9'],
    ],
    [
      [
        [0, 9],
        [2, 4],
      ],
      0,
      ['0-9'],
    ], // one inside the other
    [
      [
        [2, 4],
        [0, 9],
      ],
      0,
      ['0-9'],
    ],
    [
      [
        [5, 9],
        [0, 4],
      ],
      0,
      ['0-9'],
    ],
    [
      [
        [0, 4],
        [0, 4],
      ],
      0,
      ['0-4'],
    ],
    [
      [
        [20, 29],
        [0, 9],
      ],
      0,
      ['20-29', '0-9'],
    ], // the order requested
    [
      [
        [20, 29],
        [0, 9],
        [30, 39],
      ],
      0,
      ['20-39', '0-9'],
    ], // in the place of the first
    [
      [
        [0, 9],
        [40, 49],
        [5, 20],
      ],
      0,
      ['0-20', '40-49'],
    ],
    [
      [
        [40, 49],
        [0, 9],
        [5, 20],
        [45, 60],
      ],
      0,
      ['40-60', '0-20'],
    ],
    [
      [
        [30, 39],
        [0, 9],
        [60, 69],
        [10, 29],
      ],
      0,
      ['0-39', '60-69'],
    ], // the last one connects two others
    [
      [
        [0, 4],
        [10, 14],
        [20, 24],
      ],
      6,
      ['0-24'],
    ], // a chain of gaps
    [
      [
        [0, 99],
        [10, 19],
        [50, 149],
      ],
      0,
      ['0-149'],
    ],
  ])('of %j with gaps below %i is %j', (ranges, maxGap, expected) => {
    expect(text(coalesce(pairs(...ranges), maxGap))).toEqual(expected)
  })

  it('does not change its argument', () => {
    const ranges = pairs([20, 29], [0, 9], [25, 39])
    const before = structuredClone(ranges)
    coalesce(ranges, 0)
    expect(ranges).toEqual(before)
  })

  it('covers the requested bytes and small gaps only, without overlap, in the order of first members', () => {
    const range = fc
      .tuple(fc.nat({ max: 120 }), fc.nat({ max: 12 }))
      .map(([firstPos, more]): ByteRange => ({ firstPos, lastPos: firstPos + more }))
    const ranges = fc.array(range, { maxLength: 8 })
    fc.assert(
      fc.property(ranges, fc.nat({ max: 10 }), (requested, maxGap) => {
        const joined = coalesce(requested, maxGap)
        const asked = bitmap(requested)
        const sent = bitmap(joined)
        // One expectation for all bytes: each costs more than what it looks at.
        let widest = 0
        for (let gap = 0, i = 0; i < sent.length; i++) {
          gap = sent[i] && !asked[i] ? gap + 1 : 0
          widest = Math.max(widest, gap)
        }
        expect(asked.findIndex((isAsked, i) => isAsked && !sent[i])).toBe(-1)
        if (widest > 0) expect(widest).toBeLessThan(maxGap)
        const ascending = joined.toSorted((a, b) => a.firstPos - b.firstPos)
        for (const [index, next] of ascending.slice(1).entries()) {
          const gap = next.firstPos - ascending[index]!.lastPos - 1
          expect(gap).toBeGreaterThanOrEqual(Math.max(1, maxGap))
        }
        const places = joined.map(({ firstPos, lastPos }) =>
          requested.findIndex((one) => one.firstPos >= firstPos && one.lastPos <= lastPos),
        )
        expect(places).toEqual(places.toSorted((a, b) => a - b))
      }),
      { numRuns: 10_000 },
    )
  })

  it('makes O(n log n) comparisons', () => {
    let comparisons = 0
    type Compare = (a: unknown, b: unknown) => number
    const counting =
      (compare?: Compare): Compare =>
      (a, b) => {
        comparisons++
        return compare!(a, b)
      }
    const { sort, toSorted } = Array.prototype
    const spies = [
      vi.spyOn(Array.prototype, 'sort').mockImplementation(function (this: unknown[], compare) {
        return sort.call(this, counting(compare))
      }),
      vi.spyOn(Array.prototype, 'toSorted').mockImplementation(function (this: unknown[], compare) {
        return toSorted.call(this, counting(compare))
      }),
    ]
    try {
      for (const count of [1300, 20_000]) {
        const apart = Array.from({ length: count }, (_, i): [number, number] => [i * 3, i * 3])
        const shuffled = apart.toSorted(([a], [b]) => ((a * 7919) % 10_007) - ((b * 7919) % 10_007))
        for (const order of [apart, apart.toReversed(), shuffled]) {
          comparisons = 0
          const { reads, ranges } = countingReads(pairs(...order))
          expect(coalesce(ranges, 0)).toHaveLength(count)
          expect(comparisons).toBeGreaterThan(0)
          expect(comparisons).toBeLessThanOrEqual(3 * count * Math.log2(count))
          expect(reads.count).toBeLessThanOrEqual(4 * count)
        }
      }
    } finally {
      for (const spy of spies) spy.mockRestore()
    }
  })

  it('joins 1,300 overlapping ranges into one', () => {
    const ranges = Array.from({ length: 1300 }, (_, firstPos) => ({ firstPos, lastPos: 99_999 }))
    expect(text(coalesce(ranges, 0))).toEqual(['0-99999'])
    expect(text(coalesce(ranges.toReversed(), 0))).toEqual(['0-99999'])
  })
})

describe('byteLength', () => {
  it('counts both positions', () => {
    expect(byteLength({ firstPos: 0, lastPos: 0 })).toBe(1)
    expect(byteLength({ firstPos: 500, lastPos: 999 })).toBe(500)
    expect(byteLength({ firstPos: 0, lastPos: largest - 1 })).toBe(largest)
  })
})

// What range-parser returns, and what RFC 9110 requires. If a row fails after an upgrade of
// range-parser, that departure is gone, and core may no longer need to correct it.
describe('range-parser 1.3 departs from RFC 9110', () => {
  const unsatisfiable = -1
  const malformed = -2

  it.each<[why: string, text: string, length: number, theirs: number | string[], rfc: unknown]>([
    [
      'a suffix longer than the representation covers all of it, §14.1.2',
      'bytes=-500',
      200,
      unsatisfiable,
      ['0-199'],
    ],
    ['also among other ranges', 'bytes=-500,0-0', 200, ['0-0'], ['0-199', '0-0']],
    ['a suffix of any length is valid', `bytes=-${huge}`, 200, unsatisfiable, ['0-199']],
    [
      'last-pos < first-pos is invalid, not unsatisfiable, §14.1.1',
      'bytes=5-2',
      200,
      unsatisfiable,
      'ignored',
    ],
    ['and makes the set invalid', 'bytes=0-4,5-2', 200, ['0-4'], 'ignored'],
    ['also beyond the end', 'bytes=500-300', 200, unsatisfiable, 'ignored'],
    [
      'and beyond the safe integers, even if both round to one number',
      'bytes=0-0,9007199254740993-9007199254740992',
      200,
      ['0-0'],
      'ignored',
    ],
    ['an unknown unit is ignored, §14.2', 'items=0-4', 200, ['0-4'], 'ignored'],
    ['so is a missing unit', '=0-4', 200, ['0-4'], 'ignored'],
    ['and a unit followed by white space', 'bytes =0-4', 200, ['0-4'], 'ignored'],
    ['empty list elements are allowed, §5.6.1.2', 'bytes=0-4,,6-8', 200, malformed, ['0-4', '6-8']],
    ['also at the beginning', 'bytes=,0-4', 200, malformed, ['0-4']],
    ['also at the end', 'bytes=0-4,', 200, malformed, ['0-4']],
    ['a range-spec contains no white space, §14.1.1', 'bytes=0 - 4', 200, ['0-4'], 'ignored'],
    ['nor does a suffix', 'bytes=- 4', 200, ['196-199'], 'ignored'],
    ['white space is SP and HTAB, §5.6.3', 'bytes=0-4\u00a0,\n6-8', 200, ['0-4', '6-8'], 'ignored'],
  ])('%s: %j', (_, fieldValue, length, theirs, rfc) => {
    const found = rangeParser(length, fieldValue)
    expect(
      typeof found === 'number' ? found : found.map(({ start, end }) => `${start}-${end}`),
    ).toEqual(theirs)
    const rangeSet = parseRange(fieldValue)
    expect(rangeSet ? text(satisfy(rangeSet, length)) : 'ignored').toEqual(rfc)
    expect(rfc).not.toEqual(theirs)
  })

  // Core relies on these.
  it.each([
    ['bytes=0-4', 200, ['0-4']],
    ['bytes=5-', 200, ['5-199']],
    ['bytes=-5', 200, ['195-199']],
    ['bytes=-200', 200, ['0-199']],
    ['bytes=0-9007199254740991', 200, ['0-199']],
    ['bytes=0-0,500-', 200, ['0-0']],
    ['bytes=9-9,0-0', 200, ['9-9', '0-0']],
    ['bytes=-0', 200, unsatisfiable],
    ['bytes=200-', 200, unsatisfiable],
    ['bytes=-0', 0, unsatisfiable],
  ])('but not for %j of %i bytes', (fieldValue, length, expected) => {
    const found = rangeParser(length, fieldValue)
    expect(
      typeof found === 'number' ? found : found.map(({ start, end }) => `${start}-${end}`),
    ).toEqual(expected)
  })
})

function pairs(...positions: [firstPos: number, lastPos: number][]): ByteRange[] {
  return positions.map(([firstPos, lastPos]) => ({ firstPos, lastPos }))
}

function text(ranges: readonly ByteRange[]): string[] {
  return ranges.map(({ firstPos, lastPos }) => `${firstPos}-${lastPos}`)
}

function formatSpec(spec: RangeSpec, zeros: string): string {
  if ('suffixLength' in spec) return `-${zeros}${spec.suffixLength}`
  return `${zeros}${spec.firstPos}-${spec.lastPos === undefined ? '' : zeros + spec.lastPos}`
}

function toPosition(number: bigint): number {
  return number > BigInt(largest) ? largest : Number(number)
}

/** The rules of §14.1.2. */
function resolved(spec: RangeSpec, completeLength: number): ByteRange[] {
  if ('suffixLength' in spec) {
    if (spec.suffixLength === 0 || completeLength === 0) return []
    const length = spec.suffixLength > completeLength ? completeLength : spec.suffixLength
    return [{ firstPos: completeLength - length, lastPos: completeLength - 1 }]
  }
  const { firstPos, lastPos = Infinity } = spec
  if (firstPos >= completeLength) return []
  return [{ firstPos, lastPos: lastPos >= completeLength ? completeLength - 1 : lastPos }]
}

function withRangeSet(completeLength: number): fc.Arbitrary<[number, RangeSpec[]]> {
  const near = fc.oneof(rangeSpecs(completeLength + 3), rangeSpecs(3), rangeSpecs(largest))
  return fc.tuple(fc.constant(completeLength), fc.array(near, { minLength: 1, maxLength: 6 }))
}

function rangeSpecs(most: number): fc.Arbitrary<RangeSpec> {
  const position = fc.integer({ min: 0, max: Math.min(most, largest) })
  return fc.oneof(
    position.map((suffixLength): RangeSpec => ({ suffixLength })),
    position.map((firstPos): RangeSpec => ({ firstPos })),
    fc.tuple(position, position).map(([a, b]): RangeSpec => {
      return { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
    }),
  )
}

function bitmap(ranges: readonly ByteRange[]): boolean[] {
  const bits = Array<boolean>(140).fill(false)
  for (const { firstPos, lastPos } of ranges) bits.fill(true, firstPos, lastPos + 1)
  return bits
}

/** The same ranges, counting the reads of their positions. */
function countingReads(ranges: ByteRange[]) {
  const reads = { count: 0 }
  const counted = ranges.map((range) => ({
    get firstPos() {
      reads.count++
      return range.firstPos
    },
    get lastPos() {
      reads.count++
      return range.lastPos
    },
  }))
  return { reads, ranges: counted }
}
