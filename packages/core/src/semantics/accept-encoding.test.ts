import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptsCoding, parseAcceptEncoding, selectCodings } from './accept-encoding.ts'

describe('parseAcceptEncoding', () => {
  it.each<[fieldValue: string, expected: Record<string, number>]>([
    ['gzip', { gzip: 1 }],
    ['gzip, deflate, br, zstd', { gzip: 1, deflate: 1, br: 1, zstd: 1 }],
    ['compress;q=0.5, gzip;q=1.0', { compress: 0.5, gzip: 1 }], // the examples of §12.5.3
    ['gzip;q=1.0, identity; q=0.5, *;q=0', { gzip: 1, identity: 0.5, '*': 0 }],
    ['*', { '*': 1 }],
    ['', {}],
    [' \t', {}],
    [',, gzip ,,br,', { gzip: 1, br: 1 }], // §5.6.1.2
    ['GZIP;Q=0.5', { gzip: 0.5 }],
    ['x-gzip', { gzip: 1 }], // §8.4.1.3
    ['gzip \t;\t q=0.123', { gzip: 0.123 }],
    ['gzip;q=0., br;q=1.', { gzip: 0, br: 1 }],
    ['gzip;q=0.000, br;q=1.000', { gzip: 0, br: 1 }],
    // Ignored alone: the elements beside them count.
    ['gzip;q=0.1234, br', { br: 1 }],
    ['gzip;q=1.1, br;q=2, zstd;q=-1', {}],
    ['gzip;q=, br;q, zstd;', {}],
    ['gzip;q =1, br;level=5', {}],
    ['gz ip, br', { br: 1 }],
    ['gzip;q=0.5;q=1', {}],
    ['gzip;q=0, gzip', { gzip: 0 }],
    ['constructor, __proto__', { constructor: 1, ['__proto__']: 1 }],
  ])('of %j', (fieldValue, expected) => {
    expect([...parseAcceptEncoding(fieldValue)]).toEqual(Object.entries(expected))
  })

  it('never throws, and takes time linear in the length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const weight of parseAcceptEncoding(text).values()) {
          expect(weight >= 0 && weight <= 1).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
    for (const piece of [' ', '\t;', ',', 'a;q=', '0', ';q=0.000', 'a ']) {
      expect(parseAcceptEncoding(piece.repeat(200_000)).size).toBeLessThan(2)
    }
  })
})

const offered = ['br', 'zstd', 'gzip']

describe('selectCodings', () => {
  it.each<[fieldValue: string | undefined, expected: string]>([
    [undefined, ''],
    ['', ''],
    ['identity', ''],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZip', 'gzip'],
    ['deflate', ''],
    ['gzip, deflate, br, zstd', 'br zstd gzip'],
    ['gzip, deflate', 'gzip'],
    ['gzip, br;q=0.9', 'gzip br'],
    ['br;q=0.1, zstd;q=0.2, gzip;q=0.3', 'gzip zstd br'],
    ['br;q=0', ''],
    ['br;q=0, gzip', 'gzip'],
    ['*', 'br zstd gzip'],
    ['*;q=0', ''],
    ['*;q=0, gzip', 'gzip'],
    ['*;q=0.5, gzip', 'gzip br zstd'],
    ['*, br;q=0', 'zstd gzip'],
    ['identity, gzip;q=0.5', ''],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0.5, gzip;q=0.4, br;q=0.6', 'br'],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['identity;q=1, *;q=0', ''], // of a media element in Chromium
    ['*;q=0.5, gzip;q=0.4', 'br zstd'], // identity has the weight of *
    ['gzip;q=2', ''],
  ])('of %j are %j', (fieldValue, expected) => {
    expect(selectCodings(fieldValue, offered).join(' ')).toBe(expected)
  })

  it('never selects a coding that is refused or ranks below none', () => {
    const coding = fc.constantFrom('br', 'gzip', 'zstd', 'identity', '*', 'deflate')
    const weight = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000)
    const list = fc.uniqueArray(fc.tuple(coding, weight), { selector: ([name]) => name })
    fc.assert(
      fc.property(list, (weights) => {
        const fieldValue = weights.map(([name, q]) => `${name};q=${q}`).join(', ')
        const given = new Map<string, number>(weights)
        const of = (name: string) => given.get(name) ?? given.get('*') ?? 0
        const selected = selectCodings(fieldValue, offered)
        for (const [index, name] of selected.entries()) {
          expect(of(name)).toBeGreaterThan(0)
          expect(of(name)).toBeGreaterThanOrEqual(of('identity'))
          if (index > 0) expect(of(selected[index - 1]!)).toBeGreaterThanOrEqual(of(name))
        }
        for (const name of offered.filter((each) => !selected.includes(each))) {
          expect(of(name) === 0 || of(name) < of('identity')).toBe(true)
        }
      }),
    )
  })
})

describe('acceptsCoding', () => {
  it.each<[accepted: string | undefined, br: boolean]>([
    [undefined, true],
    ['gzip, deflate, br, zstd', true],
    ['BR', true],
    ['gzip', false],
    ['identity', false],
    ['', false],
    ['br;q=0', false],
    ['br; q=0.000', false],
    ['br;q=0.1', true],
    ['*', true],
    ['gzip, *;q=0', false],
    ['br;q=0, *', false],
    ['*;q=0, br', true],
    ['brotli', false],
  ])('of %s is %s for br', (accepted, br) => {
    expect(acceptsCoding(accepted, 'br')).toBe(br)
  })
})
