// What the tests of range sets share: ranges as text and as objects, and arbitrary range-specs.

import fc from 'fast-check'
import type { ByteRange, RangeSpec } from '../../packages/core/src/semantics/range.ts'

export const largest = Number.MAX_SAFE_INTEGER
export const huge = '9'.repeat(400)

export function pairs(...positions: [firstPos: number, lastPos: number][]): ByteRange[] {
  return positions.map(([firstPos, lastPos]) => ({ firstPos, lastPos }))
}

export function text(ranges: readonly ByteRange[]): string[] {
  return ranges.map(({ firstPos, lastPos }) => `${firstPos}-${lastPos}`)
}

export function rangeSpecs(most: number): fc.Arbitrary<RangeSpec> {
  const position = fc.integer({ min: 0, max: Math.min(most, largest) })
  return fc.oneof(
    position.map((suffixLength): RangeSpec => ({ suffixLength })),
    position.map((firstPos): RangeSpec => ({ firstPos })),
    fc.tuple(position, position).map(([a, b]): RangeSpec => {
      return { firstPos: Math.min(a, b), lastPos: Math.max(a, b) }
    }),
  )
}
