// RFC 9111 §5.2.2.6.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addNoTransform } from './cache-control.ts'

describe('addNoTransform', () => {
  it.each([
    [undefined, 'no-transform'],
    ['', 'no-transform'],
    [' ', 'no-transform'],
    ['max-age=60', 'max-age=60, no-transform'],
    ['public, max-age=60', 'public, max-age=60, no-transform'],
    ['no-transform', 'no-transform'],
    ['public, No-Transform', 'public, No-Transform'], // directives are case-insensitive
    ['no-transform,public', 'no-transform,public'],
    ['public ,\tno-transform , max-age=1', 'public ,\tno-transform , max-age=1'],
    ['no-transformers', 'no-transformers, no-transform'],
    ['x-no-transform', 'x-no-transform, no-transform'],
  ])('turns %j into %j', (cacheControl, expected) => {
    expect(addNoTransform(cacheControl)).toBe(expected)
  })

  it('keeps the directives, adds one at most, and is idempotent', () => {
    const directive = fc.constantFrom(
      'public',
      'max-age=1',
      'no-transform',
      'NO-TRANSFORM',
      '',
      ' ',
    )
    const separators = fc.constantFrom(',', ', ', ' ,\t')
    fc.assert(
      fc.property(fc.array(directive, { maxLength: 5 }), separators, (directives, separator) => {
        const cacheControl = directives.join(separator)
        const once = addNoTransform(cacheControl)
        expect(once.startsWith(cacheControl.trim() === '' ? '' : cacheControl)).toBe(true)
        const said = once.split(',').map((text) => text.trim().toLowerCase())
        expect(said).toContain('no-transform')
        const before = directives.filter((text) => /^no-transform$/i.test(text)).length
        expect(said.filter((text) => text === 'no-transform')).toHaveLength(Math.max(1, before))
        expect(addNoTransform(once)).toBe(once)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['spaces', `public,${' '.repeat(100_000)}x`],
    ['commas', ','.repeat(100_000)],
    ['spaced commas', ' , '.repeat(33_334)],
  ])('accepts 100 KB of %s', (_, cacheControl) => {
    expect(addNoTransform(cacheControl)).toBe(`${cacheControl}, no-transform`)
  })
})
