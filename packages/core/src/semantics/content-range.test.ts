// RFC 9110 §14.4.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatContentRange, parseContentRange } from './content-range.ts'

describe('formatContentRange', () => {
  // The examples of §14.4.
  it.each<[firstPos: number, lastPos: number, completeLength: number, expected: string]>([
    [42, 1233, 1234, 'bytes 42-1233/1234'],
    [0, 499, 1234, 'bytes 0-499/1234'],
    [500, 999, 1234, 'bytes 500-999/1234'],
    [734, 1233, 1234, 'bytes 734-1233/1234'],
    [0, 0, 1, 'bytes 0-0/1'], // the smallest
    [0, 9_007_199_254_740_990, 9_007_199_254_740_991, 'bytes 0-9007199254740990/9007199254740991'],
  ])('formats %i to %i of %i as %j', (firstPos, lastPos, completeLength, expected) => {
    expect(formatContentRange({ firstPos, lastPos }, completeLength)).toBe(expected)
  })

  it.each([
    [1234, 'bytes */1234'], // §14.4, unsatisfied-range
    [0, 'bytes */0'],
  ])('formats an unsatisfied range of %i bytes as %j', (completeLength, expected) => {
    expect(formatContentRange(undefined, completeLength)).toBe(expected)
  })

  it('formats a range of what has no length yet', () => {
    expect(formatContentRange({ firstPos: 42, lastPos: 1233 }, undefined)).toBe('bytes 42-1233/*')
  })

  it('keeps positions and length exactly', () => {
    const positions = fc.uniqueArray(fc.maxSafeNat(), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(positions, (unordered) => {
        const [firstPos, lastPos, completeLength] = unordered.toSorted((a, b) => a - b)
        const fieldValue = formatContentRange(
          { firstPos: firstPos!, lastPos: lastPos! },
          completeLength!,
        )
        const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fieldValue)
        expect(match?.slice(1).map(Number)).toEqual([firstPos, lastPos, completeLength])
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('parseContentRange', () => {
  it.each<[text: string, firstPos: number, lastPos: number, completeLength: number | undefined]>([
    ['bytes 42-1233/1234', 42, 1233, 1234],
    ['bytes 42-1233/*', 42, 1233, undefined], // §14.4
    ['bytes 0-0/1', 0, 0, 1],
    ['Bytes 0-0/1', 0, 0, 1], // range units are case-insensitive (§14.1)
    [' bytes  0-0/1 ', 0, 0, 1],
  ])('parses %j', (text, firstPos, lastPos, completeLength) => {
    expect(parseContentRange(text)).toEqual({ firstPos, lastPos, completeLength })
  })

  it.each([
    ['bytes */1234'], // it names no byte
    ['bytes 5-4/10'],
    ['bytes 0-10/10'],
    ['bytes 0-9/9007199254740993'],
    ['bytes 0-9007199254740993/*'],
    ['bytes 0-9'],
    ['bytes=0-9/10'],
    ['items 0-9/10'],
    ['bytes -1-9/10'],
    ['bytes 0-9/10, bytes 0-9/10'],
    [''],
  ])('returns undefined for %j', (text) => {
    expect(parseContentRange(text)).toBeUndefined()
  })

  it('parses what formatContentRange formats', () => {
    const positions = fc.uniqueArray(fc.maxSafeNat(), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(positions, (unordered) => {
        const [firstPos, lastPos, completeLength] = unordered.toSorted((a, b) => a - b) as [number, number, number] // prettier-ignore
        const text = formatContentRange({ firstPos, lastPos }, completeLength)
        expect(parseContentRange(text)).toEqual({ firstPos, lastPos, completeLength })
      }),
    )
  })
})
