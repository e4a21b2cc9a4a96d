// What holds for a plan of any request.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { planResponse, type ResponsePlan } from './plan.ts'
import type { ByteRange } from './range.ts'
import { isBytes, isRange } from './segments.ts'
import { now, boundary, bytes, modified, clip, plan, part } from '../../../../test/support/plan.ts'

describe('a plan', () => {
  it('has the content that its fields say for any set of ranges, never more than the full response', () => {
    const outcomes = { whole: 0, one: 0, several: 0, unsatisfiable: 0 }
    const seekable = fc.boolean()
    fc.assert(
      fc.property(
        requests(),
        seekable,
        fc.nat({ max: 6 }),
        ([length, specs], canSeek, maxRanges) => {
          const type = length % 2 === 0 ? 'video/mp4' : undefined
          const representation = { length, seekable: canSeek, ...(type ? { type } : {}) }
          const headers = { range: `bytes=${specs.map(formatSpec).join(',')}` }
          const options = { now, boundary, maxRanges }
          const planned = planResponse({ headers }, representation, options)
          const content = assemble(planned)
          const oracle = specs.flatMap((spec) => slices(spec, length))

          expect(planned.headers['Content-Length']).toBe(String(content.length))
          const isInside = ({ firstPos, lastPos }: ByteRange) =>
            firstPos >= 0 && firstPos <= lastPos && lastPos < length
          expect(planned.body.filter(isRange).every(isInside)).toBe(true)
          if (planned.status === 416) {
            outcomes.unsatisfiable++
            expect(oracle).toEqual([])
            expect(length).toBeGreaterThan(0)
            expect(planned.headers['Content-Range']).toBe(`bytes */${length}`)
            expect(content).toHaveLength(0)
            return
          }
          if (planned.status === 200) {
            outcomes.whole++
            if (length > 0) expect(oracle.length).toBeGreaterThan(maxRanges === 0 ? 0 : 1)
            expect(content.equals(bytes.subarray(0, length))).toBe(true)
            return
          }
          expect(planned.status).toBe(206)
          const parts = partsOf(planned, content, type)
          if (parts.length === 1) outcomes.one++
          else outcomes.several++
          if (parts.length > 1) {
            expect(parts.length).toBeLessThanOrEqual(maxRanges)
            expect(content.length).toBeLessThan(length)
          }
          for (const { firstPos, lastPos, completeLength, content: piece } of parts) {
            const isRight = piece.equals(bytes.subarray(firstPos, lastPos + 1))
            expect(isRight && completeLength === length).toBe(true)
          }
          // Every requested range lies in exactly one part, and every part has one.
          const homes = oracle.map(([first, last]) =>
            parts.findIndex(({ firstPos, lastPos }) => firstPos <= first && last <= lastPos),
          )
          expect(homes).not.toContain(-1)
          expect([...new Set(homes)].toSorted((a, b) => a - b)).toEqual([...parts.keys()])
          if (canSeek) expect([...new Set(homes)]).toEqual([...parts.keys()])
          const ascending = parts.toSorted((a, b) => a.firstPos - b.firstPos)
          const touches = ({ firstPos }: ByteRange, i: number) =>
            i > 0 && firstPos <= ascending[i - 1]!.lastPos + 1
          expect(ascending.findIndex(touches)).toBe(-1)
          if (!canSeek) expect(parts).toEqual(ascending)
        },
      ),
      { numRuns: 20_000 },
    )
    // The property proves nothing about an outcome that never occurred.
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(300)
  })

  it('never throws for any request', () => {
    const words = ['bytes=', '0-4', '-0', '5-2', ',', '"v1"', 'W/', '*', modified, '9'.repeat(30)]
    const text = fc.oneof(
      fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((all) => all.join('')),
      fc.string({ unit: 'binary' }),
    )
    const names = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since']
    const value = fc.oneof(text, fc.array(text, { maxLength: 3 }))
    const headers = fc.dictionary(fc.constantFrom(...names, 'if-unmodified-since', 'get'), value)
    const method = fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'get', '')
    fc.assert(
      fc.property(method, headers, (verb, fields) => {
        const planned = planResponse({ method: verb, headers: fields }, clip, { now, boundary })
        expect([200, 206, 304, 412, 416]).toContain(planned.status)
      }),
      { numRuns: 10_000 },
    )
  })

  it('depends on its arguments alone', () => {
    const clock = vi.spyOn(Date, 'now')
    const random = vi.spyOn(crypto, 'getRandomValues')
    try {
      const headers = { range: 'bytes=0-4,5000-5004', 'if-range': modified }
      const once = planResponse({ headers }, clip, { now, boundary })
      expect(planResponse({ headers }, clip, { now, boundary })).toEqual(once)
      expect(once.status).toBe(206)
      expect(clock).not.toHaveBeenCalled()
      expect(random).not.toHaveBeenCalled()
    } finally {
      clock.mockRestore()
      random.mockRestore()
    }
  })

  it('joins 1,300 overlapping ranges into one', () => {
    const range = `bytes=${Array.from({ length: 1300 }, (_, index) => `${index}-`).join(',')}`
    expect(plan({ range })).toEqual(part(0, 9999))
  })

  it.each<[what: string, range: string, status: number]>([
    ['overlapping ranges', `bytes=${'0-,'.repeat(33_334)}`, 206],
    [
      'single bytes',
      `bytes=${Array.from({ length: 16_000 }, (_, i) => i * 500)
        .map((at) => `${at}-${at}`)
        .join(',')}`,
      200,
    ],
    ['unsatisfiable ranges', `bytes=${'-0,'.repeat(33_334)}`, 416],
    ['commas', `bytes=${','.repeat(100_000)}`, 200],
    ['spaces', `bytes=0-4,${' '.repeat(100_000)}x`, 200],
    ['quotes', `bytes=${'"'.repeat(100_000)}`, 200],
  ])('is made for 100 KB of %s', (_, range, status) => {
    const representation = { ...clip, length: 10_000_000 }
    const fields = { 'if-none-match': '"'.repeat(100_000), 'if-range': '"v1"' }
    expect(plan({ range, ...fields }, {}, representation).status).toBe(status)
  })
})

type Spec = [first: number | undefined, last: number | undefined]

function requests(): fc.Arbitrary<[length: number, specs: Spec[]]> {
  const length = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 600 }), fc.nat({ max: 20_000 }))
  return length.chain((completeLength) => {
    const position = fc.oneof(fc.nat({ max: completeLength + 2 }), fc.nat({ max: 30_000 }))
    const short = fc.nat({ max: 60 })
    const spec = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(position, short).map(([first, more]): Spec => [first, first + more]),
      },
      { weight: 1, arbitrary: position.map((first): Spec => [first, undefined]) },
      { weight: 2, arbitrary: short.map((suffix): Spec => [undefined, suffix]) },
      { weight: 1, arbitrary: position.map((suffix): Spec => [undefined, suffix]) },
    )
    return fc.tuple(fc.constant(completeLength), fc.array(spec, { minLength: 1, maxLength: 7 }))
  })
}

function formatSpec([first, last]: Spec): string {
  return `${first ?? ''}-${last ?? ''}`
}

const positions = Int32Array.from({ length: 20_000 }, (_, index) => index)

/** What slicing an array yields for a range-spec: the one range, or none. */
function slices([first, last]: Spec, length: number): [first: number, last: number][] {
  const all = positions.subarray(0, length)
  const found =
    first === undefined
      ? all.subarray(last === 0 ? length : -last!)
      : all.subarray(first, last === undefined ? undefined : last + 1)
  return found.length === 0 ? [] : [[found[0]!, found.at(-1)!]]
}

function assemble({ body }: ResponsePlan): Buffer {
  const pieces = body.map((segment) =>
    isBytes(segment) ? segment : bytes.subarray(segment.firstPos, segment.lastPos + 1),
  )
  return Buffer.concat(pieces)
}

/** The parts as a client finds them, from fields and content alone. */
function partsOf({ headers }: ResponsePlan, content: Buffer, type: string | undefined) {
  const multipart = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['Content-Type']))
  if (!multipart) {
    expect(headers['Content-Type']).toBe(type)
    return [{ ...readContentRange(String(headers['Content-Range'])), content }]
  }
  expect(headers).not.toHaveProperty('Content-Range') // §15.3.7.2: MUST NOT
  const delimiter = `\r\n--${multipart[1]}`
  const pieces = split(content, delimiter)
  expect(pieces.shift()).toHaveLength(0)
  expect(pieces.pop()?.toString()).toBe('--\r\n')
  return pieces.map((piece) => {
    const blank = piece.indexOf('\r\n\r\n')
    const lines = piece.subarray(0, blank).toString().split('\r\n')
    expect(lines.shift()).toBe('')
    const fields = new Headers(
      lines.map((line): [string, string] => line.split(': ') as [string, string]),
    )
    expect(fields.get('content-type')).toBe(type ?? null)
    const range = readContentRange(fields.get('content-range') ?? '')
    return { ...range, content: piece.subarray(blank + 4) }
  })
}

function readContentRange(fieldValue: string) {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fieldValue)
  expect(match).not.toBeNull()
  const [firstPos, lastPos, completeLength] = match!.slice(1).map(Number) as [
    number,
    number,
    number,
  ]
  return { firstPos, lastPos, completeLength }
}

function split(buffer: Buffer, separator: string): Buffer[] {
  const pieces: Buffer[] = []
  let from = 0
  for (let at = buffer.indexOf(separator); at >= 0; at = buffer.indexOf(separator, from)) {
    pieces.push(buffer.subarray(from, at))
    from = at + separator.length
  }
  return [...pieces, buffer.subarray(from)]
}
