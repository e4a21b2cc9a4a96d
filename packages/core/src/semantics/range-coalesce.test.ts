import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type ByteRange, coalesce } from './range.ts'
import { text, pairs } from '../../../../test/support/ranges.ts'

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
