// RFC 9110 §14.1.1 and §14.2.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { byteLength, parseRange, type RangeSpec } from './range.ts'
import { rangeSpecs, largest, pairs, huge } from '../../../../test/support/ranges.ts'

// Number() of it is Infinity

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

describe('byteLength', () => {
  it('counts both positions', () => {
    expect(byteLength({ firstPos: 0, lastPos: 0 })).toBe(1)
    expect(byteLength({ firstPos: 500, lastPos: 999 })).toBe(500)
    expect(byteLength({ firstPos: 0, lastPos: largest - 1 })).toBe(largest)
  })
})

function formatSpec(spec: RangeSpec, zeros: string): string {
  if ('suffixLength' in spec) return `-${zeros}${spec.suffixLength}`
  return `${zeros}${spec.firstPos}-${spec.lastPos === undefined ? '' : zeros + spec.lastPos}`
}

function toPosition(number: bigint): number {
  return number > BigInt(largest) ? largest : Number(number)
}
