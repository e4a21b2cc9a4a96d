// RFC 9110 §15.3.7, §15.4.5, and RFC 9111 §5.2.2.6.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addNoTransform, isPlanned, isStale, isWithheld } from './fields.ts'

const everywhere = [
  'vary',
  'access-control-allow-origin',
  'set-cookie',
  'x-powered-by',
  'date',
  'link',
]

describe('isWithheld', () => {
  it.each<[name: string, on: Record<206 | 304 | 412 | 416, boolean>]>([
    // §15.3.7: what the 200 would have carried; §15.4.5: a 304 as well.
    ['content-location', { 206: false, 304: false, 412: true, 416: true }],
    ['etag', { 206: false, 304: false, 412: true, 416: true }],
    ['last-modified', { 206: false, 304: false, 412: true, 416: true }],
    ['cache-control', { 206: false, 304: false, 412: true, 416: true }],
    ['expires', { 206: false, 304: false, 412: true, 416: true }],
    // What describes the content.
    ['content-type', { 206: false, 304: true, 412: true, 416: true }],
    ['content-length', { 206: false, 304: true, 412: true, 416: true }],
    ['content-encoding', { 206: false, 304: true, 412: true, 416: true }],
    ['content-language', { 206: false, 304: true, 412: true, 416: true }],
    ['content-disposition', { 206: false, 304: true, 412: true, 416: true }],
    ['content-range', { 206: false, 304: true, 412: true, 416: true }],
    // A digest of the content of the 200 is none of a slice (RFC 9530 §2).
    ['content-digest', { 206: true, 304: true, 412: true, 416: true }],
    ['content-md5', { 206: true, 304: true, 412: true, 416: true }],
    // That of the representation is of the whole, whatever is sent of it (RFC 9530 §3).
    ['repr-digest', { 206: false, 304: false, 412: false, 416: false }],
    ...everywhere.map((name): [string, Record<206 | 304 | 412 | 416, boolean>] => [
      name,
      { 206: false, 304: false, 412: false, 416: false },
    ]),
  ])('of %s says %j', (name, expected) => {
    for (const [status, withheld] of Object.entries(expected)) {
      expect({ status, withheld: isWithheld(Number(status), name) }).toEqual({ status, withheld })
    }
    for (const whole of [200, 201, 404, 500]) expect(isWithheld(whole, name)).toBe(false)
  })
})

describe('isPlanned', () => {
  it.each([
    'accept-ranges',
    'content-length',
    'content-range',
    'content-type',
    'etag',
    'last-modified',
    'transfer-encoding',
  ])('leaves %s to the plan', (name) => {
    expect(isPlanned(name)).toBe(true)
  })

  it.each([...everywhere, 'cache-control', 'expires', 'content-encoding', 'content-disposition'])(
    'leaves %s to the caller',
    (name) => {
      expect(isPlanned(name)).toBe(false)
    },
  )
})

describe('isStale', () => {
  const part = { status: 206, headers: { 'Content-Range': 'bytes 0-1/9', 'Content-Length': '2' } }
  const whole = { status: 200, headers: { 'Content-Length': '9' } }
  const error = { status: 416, headers: { 'Content-Range': 'bytes */9', 'Content-Length': '0' } }

  it.each([
    [whole, 'transfer-encoding', true], // MUST NOT stand beside Content-Length (RFC 9112 §6.2)
    [whole, 'content-encoding', false],
    [part, 'transfer-encoding', true],
    [error, 'transfer-encoding', true],
    [part, 'content-range', false],
    [part, 'content-length', false],
    [part, 'content-type', true], // planned, and the plan has none
    [part, 'etag', true],
    [part, 'content-md5', true], // withheld from a part
    [part, 'cache-control', false], // the plan's goes over it
    [part, 'x-powered-by', false],
    [error, 'content-range', false], // withheld where it is of the 200, and planned here
    [error, 'content-length', false],
    [error, 'content-encoding', true],
    [error, 'etag', true],
    [error, 'vary', false],
  ])('with %j: %s', (plan, name, stale) => {
    expect(isStale(plan, name)).toBe(stale)
  })
})

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
  ])('makes %j %j', (cacheControl, expected) => {
    expect(addNoTransform(cacheControl)).toBe(expected)
  })

  it('keeps what was there, says it once, and has no more to do the second time', () => {
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
  ])('is done with 100 KB of %s', (_, cacheControl) => {
    expect(addNoTransform(cacheControl)).toBe(`${cacheControl}, no-transform`)
  })
})
