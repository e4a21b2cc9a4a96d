// Arbitrary representations, and requests for them.

import fc from 'fast-check'

export const longest = 300_000
export const lastModified = new Date('2025-01-01T10:00:00Z')

/** One representation, how it is served, and the requests for it. */
export interface Case {
  readonly way: string
  readonly length: number
  readonly etag: string
  readonly type: string
  /** The sizes of the chunks of a stream, repeated. */
  readonly chunks: readonly number[]
  readonly method: string
  readonly range: readonly string[]
  readonly ifRange: string | undefined
  /** The option of this name, for `sendRange`. */
  readonly maxResponse?: number | undefined
}

const boundaries = [65_536, 262_144].flatMap((size) => [size - 1, size, size + 1])
const lengths = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 3) },
  { weight: 3, arbitrary: fc.integer({ min: 4, max: 600 }) },
  { weight: 4, arbitrary: fc.constantFrom(4096, 70_000, ...boundaries, longest) },
)

/** A position that matters: near the ends, near an internal size, anywhere, or beyond the end. */
const positions = (length: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: length + 2 }).map(String) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, length - 1, length, length + 1).map(toText) },
    { weight: 1, arbitrary: fc.constantFrom(...boundaries).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('0', '000', '007', '9'.repeat(30), '1'.repeat(300)) },
  )
const toText = (position: number): string => String(Math.max(0, position))

function rangeSpecs(length: number): fc.Arbitrary<string> {
  const position = positions(length)
  const ordered = fc.tuple(position, position).map(([a, b]) => (BigInt(a) > BigInt(b) ? `${b}-${a}` : `${a}-${b}`)) // prettier-ignore
  return fc.oneof(
    { weight: 6, arbitrary: ordered },
    { weight: 2, arbitrary: position.map((first) => `${first}-`) },
    { weight: 2, arbitrary: position.map((suffix) => `-${suffix}`) },
  )
}

/** Short ranges, apart from each other in a representation that is large enough, in any order. */
const specsApart = (length: number): fc.Arbitrary<string[]> =>
  fc
    .uniqueArray(fc.nat({ max: 3 + Math.floor(length / 250) }), { minLength: 2, maxLength: 9 })
    .map((slots) => slots.map((slot) => `${slot * 250}-${slot * 250 + (slot % 100)}`))

/** Gaps about as large as the overhead of a part, so that a byte decides which are joined. */
const specsNear = fc
  .array(fc.tuple(fc.integer({ min: 80, max: 120 }), fc.nat({ max: 40 })), {
    minLength: 2,
    maxLength: 8,
  })
  .map((pairs) => {
    let next = 0
    return pairs.map(([gap, more]) => {
      const first = next
      next += more + 1 + gap
      return `${first}-${first + more}`
    })
  })

/** About as many ranges as a response may have, far enough apart not to be joined. */
const manySpecs = fc
  .tuple(fc.integer({ min: 98, max: 103 }), fc.constantFrom(200, 2000), fc.boolean())
  .map(([many, step, reversed]) => {
    const specs = Array.from({ length: many }, (_, i) => `${i * step}-${i * step + 3}`)
    return reversed ? specs.toReversed() : specs
  })

function rangeValues(length: number): fc.Arbitrary<string> {
  const specs = fc.oneof(
    { weight: 5, arbitrary: fc.array(rangeSpecs(length), { minLength: 1, maxLength: 1 }) },
    { weight: 9, arbitrary: fc.array(rangeSpecs(length), { minLength: 2, maxLength: 6 }) },
    { weight: 6, arbitrary: specsApart(length) },
    { weight: 2, arbitrary: specsNear },
    { weight: 1, arbitrary: manySpecs },
  )
  const unit = fc.oneof(
    { weight: 8, arbitrary: fc.constant('bytes=') },
    { weight: 1, arbitrary: fc.constantFrom('Bytes=', 'BYTES=,', 'bytes= ', ' bytes=', 'items=', 'byte=', 'bytes =', '=', '') }, // prettier-ignore
  )
  const separator = fc.constantFrom(',', ',', ',', ', ', '\t,\t', ' , ,', ',,')
  const valid = fc
    .tuple(unit, specs, separator)
    .map(([name, set, between]) => name + set.join(between))
  return fc.oneof(
    { weight: 8, arbitrary: valid },
    { weight: 2, arbitrary: fc.tuple(valid, mutations).map(([text, mutate]) => mutate(text)) },
    { weight: 1, arbitrary: fieldText },
  )
}

/** Characters that a field value may hold, visible or not (§5.5). */
const fieldText = fc.string({
  maxLength: 40,
  unit: fc.oneof(
    fc.constantFrom('bytes', '=', '-', ',', '0', '1', '9', ' ', '\t', '"'),
    fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)), // prettier-ignore
  ),
})

/** Replaces a few characters. */
const mutations: fc.Arbitrary<(text: string) => string> = fc
  .array(
    fc.tuple(
      fc.nat(),
      fc.nat({ max: 2 }),
      fc.constantFrom('', '-', ',', '=', ' ', '\t', '0', '9', '"', ';', 'x', '\u00a0'),
    ),
    { minLength: 1, maxLength: 3 },
  ) // prettier-ignore
  .map(
    (edits) => (text) =>
      edits.reduce((edited, [place, removed, inserted]) => {
        const at = place % (edited.length + 1)
        return edited.slice(0, at) + inserted + edited.slice(at + removed)
      }, text),
  )

const ifRanges = fc.constantFrom(
  '"v1"',
  '"v1"',
  'W/"v1"',
  '"v2"',
  '"v1", "v2"',
  'v1',
  '',
  '"',
  '*',
  ...[0, 0, 1000, -1000].map((ms) => new Date(lastModified.getTime() + ms).toUTCString()),
)

export const casesFor = (ways: readonly string[]): fc.Arbitrary<Case> =>
  lengths.chain((length) =>
    fc.record({
      way: fc.constantFrom(...ways),
      length: fc.constant(length),
      etag: fc.constantFrom('"v1"', '"v1"', 'W/"v1"'),
      type: fc.constantFrom('application/octet-stream', 'a/b'),
      chunks: fc
        .array(fc.constantFrom(0, 1, 2, 7, 100, 1000, 16_384, 65_536), { minLength: 1, maxLength: 4 })
        .map((sizes) => [...sizes, 50_000]), // prettier-ignore
      method: fc.constantFrom(...Array<string>(9).fill('GET'), 'HEAD'),
      range: fc.oneof(
        { weight: 18, arbitrary: fc.tuple(rangeValues(length)) },
        { weight: 1, arbitrary: fc.tuple(rangeValues(length), rangeValues(length)) },
        { weight: 1, arbitrary: fc.constant([]) },
      ),
      ifRange: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: ifRanges },
      ),
      maxResponse: fc.constantFrom(undefined, undefined, 1, 100, 65_536, 262_145),
    }),
  )
