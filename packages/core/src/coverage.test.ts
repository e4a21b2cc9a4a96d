import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverage, type Coverage, type CoveringTransfer } from './coverage.ts'

type Range = [firstPos: number, lastPos: number]

/** A transfer of ranges of 1,000 bytes, all of it unless `bytesSent` says otherwise. */
function transfer(ranges: Range[], more: Partial<CoveringTransfer> = {}): CoveringTransfer {
  const content = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  // The overhead of the parts, about as in a multipart response.
  const bytesPlanned = ranges.length > 1 ? content + 100 * ranges.length + 30 : content
  return {
    method: 'GET',
    status: 206,
    ranges: ranges.map(([firstPos, lastPos]) => ({ firstPos, lastPos })),
    completeLength: 1000,
    bytesPlanned,
    bytesSent: bytesPlanned,
    ...more,
  }
}

const shown = ({ spans }: Coverage) =>
  spans.map(({ firstPos, lastPos, times }) => `${firstPos}-${lastPos}×${times}`)

describe('coverage', () => {
  it.each<[what: string, transfers: CoveringTransfer[], spans: string[]]>([
    ['nothing', [], []],
    ['a range', [transfer([[5, 9]])], ['5-9×1']],
    ['ranges that touch', [transfer([[0, 4]]), transfer([[5, 9]])], ['0-9×1']],
    ['a gap', [transfer([[0, 4]]), transfer([[6, 9]])], ['0-4×1', '6-9×1']],
    ['an overlap', [transfer([[0, 5]]), transfer([[4, 9]])], ['0-3×1', '4-5×2', '6-9×1']],
    ['the same again', [transfer([[0, 9]]), transfer([[0, 9]])], ['0-9×2']],
    ['one within', [transfer([[0, 9]]), transfer([[3, 3]])], ['0-2×1', '3-3×2', '4-9×1']],
    ['what was cut off', [transfer([[10, 99]], { bytesSent: 5 })], ['10-14×1']],
    ['what has not begun', [transfer([[10, 99]], { bytesSent: 0 })], []],
    ['several parts', [transfer([[0, 9], [50, 59]])], ['0-9×1', '50-59×1']], // prettier-ignore
    ['several, cut off', [transfer([[0, 9], [50, 59]], { bytesSent: 245 })], ['0-9×1', '50-54×1']], // prettier-ignore
    ['only heads of parts', [transfer([[0, 9], [50, 59]], { bytesSent: 120 })], []], // prettier-ignore
    ['a growing one', [transfer([[5, Infinity]], { bytesSent: 10 })], ['5-14×1']],
    ['HEAD', [transfer([[0, 9]], { method: 'HEAD' })], []],
    ['an error page', [transfer([[0, 9]], { status: 404 })], []],
    ['another version', [transfer([[0, 9]]), transfer([[5, 9]], { completeLength: 99 })], ['5-9×1']], // prettier-ignore
  ])('of %s', (_, transfers, spans) => {
    expect(shown(coverage(transfers))).toEqual(spans)
  })

  it('agrees with an array of counters, for transfers one by one or all at once', () => {
    const range = fc
      .tuple(fc.nat(999), fc.nat(999))
      .map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)])
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
        const transfers = ranges.map((each) => transfer([each]))
        const counters = new Uint8Array(1000)
        for (const [first, last] of ranges) for (let i = first; i <= last; i++) counters[i]!++
        const all = coverage(transfers)
        let stepwise: Coverage | undefined
        for (const each of transfers) stepwise = coverage([each], { previous: stepwise })
        if (stepwise) expect(stepwise).toEqual(all)
        const found = new Uint8Array(1000)
        for (const { firstPos, lastPos, times } of all.spans)
          found.fill(times, firstPos, lastPos + 1)
        expect(Buffer.from(found).equals(counters)).toBe(true)
        const covered = counters.filter((times) => times > 0).length
        expect([all.bytesCovered, all.share * 1000]).toEqual([covered, expect.closeTo(covered)])
        expect(all.bytesSent).toBe(counters.reduce((sum, times) => sum + times, 0))
        for (const [i, span] of all.spans.entries()) {
          const before = all.spans[i - 1]
          if (before?.lastPos === span.firstPos - 1) expect(before.times).not.toBe(span.times)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('counts a representation once, however many ranges cover it', () => {
    let seen: Coverage | undefined
    let count = 0
    for (const first of [0, 500, 0, 250, 750, 0, 500]) {
      const next = coverage([transfer([[first, first + 249]])], { previous: seen })
      if (next.isCounted && !seen?.isCounted) count++
      seen = next
    }
    expect([count, seen?.isCounted]).toEqual([1, true])
  })

  it('counts by a share, or by a function', () => {
    const part = [transfer([[0, 799]])]
    expect(coverage(part).isCounted).toBe(false)
    expect(coverage(part, { rule: 0.8 }).isCounted).toBe(true)
    expect(coverage(part, { rule: ({ bytesSent }) => bytesSent > 800 }).isCounted).toBe(false)
    // What was counted stays counted under a new rule; another version starts again.
    const previous = coverage(part, { rule: 0.5 })
    expect(coverage([], { previous, rule: 1 }).isCounted).toBe(true)
    const other = [transfer([[0, 9]], { completeLength: 99 })]
    expect(coverage(other, { previous }).isCounted).toBe(false)
  })

  it('counts an empty representation once it has been sent', () => {
    expect(coverage([]).isCounted).toBe(false)
    const empty = transfer([], { status: 200, completeLength: 0 })
    expect(coverage([empty])).toMatchObject({ isCounted: true, share: 1, bytesCovered: 0 })
  })

  it('keeps at most 1,000 spans, the longest, and survives JSON', () => {
    const ranges = Array.from({ length: 3000 }, (_, i): Range => [i * 10, i * 10 + (i % 3)])
    const many = coverage(ranges.map((range) => transfer([range], { completeLength: 100_000 })))
    expect(many.spans).toHaveLength(1000)
    expect(many.spans.every(({ firstPos, lastPos }) => lastPos - firstPos === 2)).toBe(true)
    expect(JSON.parse(JSON.stringify(many))).toEqual(many)
  })
})
