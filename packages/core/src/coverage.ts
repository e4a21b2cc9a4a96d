// Which bytes of a representation were sent, over any number of responses.

import type { Transfer } from './transfer.ts'

/** Bytes that were sent equally often, both positions inclusive. */
export interface CoverageSpan {
  readonly firstPos: number
  readonly lastPos: number
  /** At least 1. */
  readonly times: number
}

/** Which bytes of a representation were sent, and how often. A plain value, which JSON can hold. */
export interface Coverage {
  /** The complete length of the representation. */
  readonly completeLength: number
  /** Disjoint, in ascending order; two that touch differ in `times`. At most 1,000. */
  readonly spans: readonly CoverageSpan[]
  /** How many bytes were sent at least once. */
  readonly bytesCovered: number
  /** How many bytes were sent, those that were sent again included. */
  readonly bytesSent: number
  /** `bytesCovered` as a share of `completeLength`, from 0 to 1. */
  readonly share: number
  /** Whether the rule has held, now or before. */
  readonly isCounted: boolean
}

/** How coverage is computed. */
export interface CoverageOptions {
  /** What was covered before. Coverage of another complete length is that of another version. */
  readonly previous?: Coverage | undefined
  /**
   * What counts as a download or a view: the share of the bytes that must have been sent, or a function
   * of the coverage. Default 1: all of them.
   */
  readonly rule?: number | ((coverage: Coverage) => boolean) | undefined
}

/** What coverage is computed from: a finished transfer, or one under way. */
export type CoveringTransfer = Pick<
  Transfer,
  'method' | 'status' | 'ranges' | 'completeLength' | 'bytesPlanned' | 'bytesSent'
>

/** More than a player makes; a client that makes gaps on purpose fills no memory with them. */
const maxSpans = 1000

/**
 * Adds transfers of one representation up: which of its bytes were sent, how often, and whether that
 * counts as a download or a view, once, however many ranges it took. The caller keeps the result for
 * each representation, or for each viewer of it, and passes it as `previous` the next time.
 *
 * Bytes count as sent when they were handed to the network. Those of several parts are counted low
 * rather than high if the response was cut off. Beyond 1,000 spans, the shortest are left out.
 *
 * @example
 * const views = new Map() // by viewer and clip
 * function onTransfer(viewer, transfer) {
 *   const previous = views.get(viewer)
 *   const seen = coverage([transfer], { previous, rule: 0.8 })
 *   views.set(viewer, seen)
 *   if (seen.isCounted && !previous?.isCounted) countView(viewer)
 * }
 */
export function coverage(
  transfers: Iterable<CoveringTransfer>,
  { previous, rule = 1 }: CoverageOptions = {},
): Coverage {
  let earlier = previous
  let completeLength = previous?.completeLength
  let added: CoverageSpan[] = []
  for (const transfer of transfers) {
    const { method, status } = transfer
    if (method !== 'GET' || (status !== 200 && status !== 206)) continue
    if (transfer.completeLength !== completeLength) {
      completeLength = transfer.completeLength
      earlier = undefined
      added = []
    }
    added.push(...sentSpans(transfer))
  }
  const spans = merge([...(earlier?.spans ?? []), ...added])
  const bytesCovered = spans.reduce((sum, span) => sum + lengthOf(span), 0)
  const bytesSent = added.reduce((sum, span) => sum + lengthOf(span), earlier?.bytesSent ?? 0)
  const share = completeLength ? bytesCovered / completeLength : completeLength === 0 ? 1 : 0
  const isBefore = earlier?.isCounted ?? false
  const covered = { completeLength: completeLength ?? 0, spans, bytesCovered, bytesSent, share }
  const holds = (all: Coverage) => (typeof rule === 'function' ? rule(all) : share >= rule)
  return { ...covered, isCounted: isBefore || holds({ ...covered, isCounted: isBefore }) }
}

function lengthOf({ firstPos, lastPos }: Pick<CoverageSpan, 'firstPos' | 'lastPos'>): number {
  return lastPos + 1 - firstPos
}

/** The bytes of the representation that a transfer has sent. */
function sentSpans({ ranges, bytesPlanned, bytesSent }: CoveringTransfer): CoverageSpan[] {
  const [only] = ranges
  if (!only) return []
  const content = ranges.reduce((sum, range) => sum + lengthOf(range), 0)
  // The heads of parts: how much of what was sent they are is known only at the end.
  let left = ranges.length === 1 ? bytesSent : Math.max(0, bytesSent - (bytesPlanned - content))
  const spans: CoverageSpan[] = []
  for (const range of ranges) {
    const length = Math.min(left, lengthOf(range))
    if (length > 0) spans.push({ ...range, lastPos: range.firstPos + length - 1, times: 1 })
    left -= length
  }
  return spans
}

/** Adds spans up where they overlap. */
function merge(spans: readonly CoverageSpan[]): CoverageSpan[] {
  const changes = spans.flatMap(({ firstPos, lastPos, times }) => [
    { at: firstPos, by: times },
    { at: lastPos + 1, by: -times },
  ])
  const merged: { firstPos: number; lastPos: number; times: number }[] = []
  let times = 0
  let position = 0
  for (const { at, by } of changes.toSorted((a, b) => a.at - b.at)) {
    if (times > 0 && at > position) {
      const last = merged.at(-1)
      if (last?.times === times && last.lastPos + 1 === position) last.lastPos = at - 1
      else merged.push({ firstPos: position, lastPos: at - 1, times })
    }
    position = at
    times += by
  }
  return merged.length > maxSpans ? longest(merged) : merged
}

function longest(spans: readonly CoverageSpan[]): CoverageSpan[] {
  return spans
    .toSorted((a, b) => lengthOf(b) - lengthOf(a))
    .slice(0, maxSpans)
    .toSorted((a, b) => a.firstPos - b.firstPos)
}
