import { describe, expect, it } from 'vitest'
import { randomBoundary } from './boundary.ts'

describe('randomBoundary', () => {
  it('is a boundary that needs no quotes, and another one every time', () => {
    const boundaries = Array.from({ length: 2000 }, randomBoundary)
    // RFC 2046 §5.1.1: up to 70 characters; these are all tokens (RFC 9110 §5.6.2) as well.
    for (const boundary of boundaries) expect(boundary).toMatch(/^[0-9a-z]{24}$/)
    expect(new Set(boundaries).size).toBe(2000)
  })
})
