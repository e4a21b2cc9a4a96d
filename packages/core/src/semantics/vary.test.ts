import { describe, expect, it } from 'vitest'
import { addVary } from './vary.ts'

describe('addVary', () => {
  it.each([
    [undefined, 'Accept-Encoding'],
    ['', 'Accept-Encoding'],
    [' , ', 'Accept-Encoding'],
    ['Origin', 'Origin, Accept-Encoding'],
    ['Origin, Accept', 'Origin, Accept, Accept-Encoding'],
    ['Accept-Encoding', 'Accept-Encoding'],
    ['origin,accept-ENCODING', 'origin,accept-ENCODING'],
    ['*', '*'],
    ['Origin, *', 'Origin, *'],
    ['X-Accept-Encoding', 'X-Accept-Encoding, Accept-Encoding'],
  ])('to %j makes %j', (fieldValue, expected) => {
    expect(addVary(fieldValue, 'Accept-Encoding')).toBe(expected)
  })
})
