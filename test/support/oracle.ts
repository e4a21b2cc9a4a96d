// The expected response, straight from RFC 9110 §13.1.5, §14 and §15.3.7, without code of the
// packages.

export interface Question {
  readonly method: string
  /** The field lines as they were sent. */
  readonly range: readonly string[]
  readonly ifRange?: string | undefined
  readonly length: number
  readonly type: string
  readonly etag: string
  readonly lastModified: Date
  /** The bytes pass once, so that parts come in ascending order. */
  readonly ascending: boolean
  /** The most bytes of one open-ended range. */
  readonly maxResponse?: number | undefined
}

export type Verdict =
  | { readonly status: 200 | 416 }
  | { readonly status: 206; readonly ranges: readonly Positions[] }
type Positions = readonly [firstPos: number, lastPos: number]

const whole: Verdict = { status: 200 }
/** The length of a boundary: the overhead of a part depends on it. */
export const boundaryLength = 24
const mostRanges = 100

/** Judges a request for a non-empty representation by the RFC. */
export function judge(question: Question): Verdict {
  const { method, range, ifRange, length, ascending } = question
  if (method !== 'GET' || range.length !== 1 || length === 0) return whole
  if (ifRange !== undefined && !isCurrent(strip(ifRange), question)) return whole
  const [, unit = '', set = ''] = /^([^=]*)=([^]*)$/.exec(strip(range[0]!)) ?? []
  if (unit.toLowerCase() !== 'bytes') return whole
  const specs = set.split(',').map(strip).filter(Boolean)
  if (specs.length === 0 || !specs.every(isRangeSpec)) return whole
  const satisfied = specs.flatMap((spec) => resolve(spec, BigInt(length)))
  if (satisfied.length === 0) return { status: 416 }
  // §15.3.7: less than what is requested, and no other bytes.
  const { maxResponse = length } = question
  if (specs.length === 1 && /^\d+-$/.test(specs[0]!)) {
    const [first, last] = satisfied[0]!
    return { status: 206, ranges: [[first, Math.min(last, first + maxResponse - 1)]] }
  }
  const joined = join(satisfied, overhead(question, length - 1, length - 1))
  const ranges = ascending ? joined.toSorted(([a], [b]) => a - b) : joined
  if (ranges.length === 1) return { status: 206, ranges }
  if (ranges.length > mostRanges || multipartLength(question, ranges) >= length) return whole
  return { status: 206, ranges }
}

/** The length of a multipart/byteranges body of these ranges (§14.6). */
export function multipartLength(question: Question, ranges: readonly Positions[]): number {
  const parts = ranges.map(([first, last]) => overhead(question, first, last) + last - first + 1)
  return parts.reduce((sum, part) => sum + part, 0) + '\r\n----\r\n'.length + boundaryLength
}

/** Optional white space is SP and HTAB (§5.6.3). */
const strip = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '')

function isRangeSpec(spec: string): boolean {
  const [, first, last] = /^([0-9]*)-([0-9]*)$/.exec(spec) ?? []
  if (first === undefined || (first === '' && last === '')) return false
  return first === '' || last === '' || BigInt(last!) >= BigInt(first)
}

function resolve(spec: string, length: bigint): Positions[] {
  const [first, last] = spec.split('-') as [string, string]
  const lowest = (a: bigint, b: bigint) => (a < b ? a : b)
  const from = first === '' ? length - lowest(BigInt(last), length) : BigInt(first)
  const to = first === '' || last === '' ? length - 1n : lowest(BigInt(last), length - 1n)
  return from < length && from <= to ? [[Number(from), Number(to)]] : []
}

/**
 * Joins ranges that are near each other until none are; each stays at the place of its first
 * member.
 */
function join(ranges: readonly Positions[], costOfPart: number): Positions[] {
  const joined: Positions[] = [...ranges]
  for (let i = 0; i < joined.length;) {
    const [first, last] = joined[i]!
    const j = joined.findIndex(([otherFirst, otherLast], at) => {
      const gap = Math.max(first, otherFirst) - Math.min(last, otherLast) - 1
      return at > i && (gap <= 0 || gap < costOfPart)
    })
    if (j < 0) {
      i++
      continue
    }
    const [[otherFirst, otherLast]] = joined.splice(j, 1) as [Positions]
    joined[i] = [Math.min(first, otherFirst), Math.max(last, otherLast)]
    // Ranges that were apart may be near now.
    i = 0
  }
  return joined
}

function overhead({ type, length }: Question, first: number, last: number): number {
  const fields = `Content-Type: ${type}\r\nContent-Range: bytes ${first}-${last}/${length}\r\n`
  return '\r\n--'.length + boundaryLength + '\r\n'.length + fields.length + '\r\n'.length
}

/** Whether If-Range names the current version: its exact tag, if strong, or its exact date. */
function isCurrent(validator: string, { etag, lastModified }: Question): boolean {
  if (/^(W\/)?"/.test(validator)) return validator === etag && !etag.startsWith('W/')
  return validator === lastModified.toUTCString()
}
