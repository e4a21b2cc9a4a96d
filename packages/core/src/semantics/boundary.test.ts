import { describe, expect, it } from 'vitest'
import { randomBoundary } from './boundary.ts'

describe('randomBoundary', () => {
  it('returns a token, and a different one each time', () => {
    const boundaries = Array.from({ length: 2000 }, randomBoundary)
    // RFC 2046 §5.1.1 allows 70 characters; a token (RFC 9110 §5.6.2) needs no quotes.
    for (const boundary of boundaries) expect(boundary).toMatch(/^[0-9a-z]{24}$/)
    expect(new Set(boundaries).size).toBe(2000)
  })
})
