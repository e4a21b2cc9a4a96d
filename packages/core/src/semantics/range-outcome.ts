// Whether Range applies to a GET, and to which bytes: RFC 9110 §14.2, §15.5.17.

import type { PlanContext } from './plan-options.ts'
import { evaluateIfRange } from './preconditions.ts'
import { type ByteRange, byteLength, parseRange, type RangeSpec, satisfy } from './range.ts'
import type { Representation } from './representation.ts'
import { fieldLineCount, fieldValue, type RangeRequest } from './request.ts'

/** The full response, a 416, or the ranges to send, at least one, in the order requested. */
export type RangeOutcome = 'whole' | 'unsatisfiable' | readonly ByteRange[]

/** The default of `maxSkip`: 64 MiB. */
const defaultMaxSkip = 64 * 1024 * 1024

/** Evaluates If-Range and Range for a GET whose preconditions hold. */
export function evaluateRange(request: RangeRequest, context: PlanContext): RangeOutcome {
  const { representation, options, now } = context
  const range = fieldValue(request, 'range')
  if (range === undefined || options.acceptRanges === false) return 'whole'
  // A suffix-range is satisfiable even if the representation is empty (§14.1.2), but Content-Range has
  // no form for zero bytes. A 200 with the full, empty, representation says the same.
  if (representation.length === 0) return 'whole'
  // Joined, two field lines can look like one valid set that the client never sent.
  if (range.includes(',') && fieldLineCount(request, 'range') > 1) return 'whole'
  const ifRange = fieldValue(request, 'if-range')
  if (ifRange !== undefined && !evaluateIfRange(ifRange, representation, now)) return 'whole'
  const rangeSet = parseRange(range)
  if (!rangeSet) return 'whole'
  const ranges = followed(rangeSet, representation) ?? satisfy(rangeSet, representation.length)
  if (ranges.length === 0) return 'unsatisfiable'
  if (skipsTooMuch(ranges, context)) return 'whole'
  return options.maxResponse === undefined ? ranges : limit(ranges, rangeSet, options.maxResponse)
}

/**
 * The last position from which on a client of a growing representation also requests what does not
 * exist yet: that of the examples in RFC 8673, a terabyte. It recommends 2^53 - 1.
 */
const veryLargePos = 999_999_999_999

/** A range that reaches into the future of a growing representation. It may begin at its end. */
function followed(
  rangeSet: readonly RangeSpec[],
  { length, isGrowing = false }: Representation,
): readonly ByteRange[] | undefined {
  const [spec] = rangeSet
  if (!isGrowing || rangeSet.length > 1 || !spec || 'suffixLength' in spec) return undefined
  const { firstPos, lastPos = 0 } = spec
  return lastPos >= veryLargePos && firstPos <= length ? [{ firstPos, lastPos }] : undefined
}

/**
 * Cuts the range of a set that consists of one open-ended range-spec. The client of a closed range,
 * a suffix or several ranges has said how much it wants; that of an open one takes what comes until it
 * has enough (§15.3.7).
 */
function limit(
  ranges: readonly ByteRange[],
  rangeSet: readonly RangeSpec[],
  maxResponse: number,
): readonly ByteRange[] {
  const [range] = ranges
  const [spec] = rangeSet
  if (!range || !spec || rangeSet.length > 1) return ranges
  if ('suffixLength' in spec || spec.lastPos !== undefined) return ranges
  if (!(maxResponse >= 1) || byteLength(range) <= maxResponse) return ranges
  return [{ firstPos: range.firstPos, lastPos: range.firstPos + Math.floor(maxResponse) - 1 }]
}

/** Whether a representation that is not seekable would have to be read past too much. */
function skipsTooMuch(
  ranges: readonly ByteRange[],
  { representation, options: { maxSkip = defaultMaxSkip } }: PlanContext,
): boolean {
  if (representation.seekable !== false) return false
  let position = 0
  let skipped = 0
  for (const { firstPos, lastPos } of ranges.toSorted((a, b) => a.firstPos - b.firstPos)) {
    skipped += Math.max(0, firstPos - position)
    position = Math.max(position, lastPos + 1)
  }
  return skipped > maxSkip
}
