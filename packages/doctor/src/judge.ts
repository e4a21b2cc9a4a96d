// Whether a response meets a requirement, as far as can be told from outside.

import { parseByteranges, parseContentRange } from './byteranges.ts'
import type { KnownBytes } from './known-bytes.ts'
import { contentLength, field, type Reply } from './reply.ts'
import type { Positions, Requirement, RequirementRequest } from './requirements/requirement.ts'

export interface Judgement {
  /** `declined`: the server makes no use of a feature, as it may. */
  readonly verdict: 'met' | 'unmet' | 'declined'
  /** What is wrong, after the request and the word "yields". */
  readonly why?: string
  /** How grave it is, if the level of the requirement does not say: see `Weight`. */
  readonly weight?: Weight
}

/**
 * `hard`: bytes or framing are wrong, or there is no response; `refusal`: what could have been sent is
 * refused; `allowed`: a server may do so whatever the level, as ignore Range (§14.2).
 */
export type Weight = 'hard' | 'refusal' | 'allowed'

const met: Judgement = { verdict: 'met' }
const declined: Judgement = { verdict: 'declined' }
const soft = (why: string): Judgement => ({ verdict: 'unmet', why })
const hard = (why: string): Judgement => ({ verdict: 'unmet', why, weight: 'hard' })
const allowed = (why: string): Judgement => ({ verdict: 'unmet', why, weight: 'allowed' })

export function judge(
  requirement: Requirement,
  reply: Reply,
  length: number,
  known: KnownBytes,
): Judgement {
  const { expect, request } = requirement
  if (reply.fault !== undefined) return hard(`a response that ${reply.fault}`)
  if (reply.status === 206 && typeof expect.content !== 'string') {
    return judgePartial(reply, expect.content, request, length, known)
  }
  if (reply.status !== expect.status) return judgeStatus(requirement, reply)
  for (const [name, wanted] of Object.entries(expect.fields ?? {})) {
    const wrong = judgeField(reply, name, wanted)
    if (wrong) return wrong
  }
  return expect.content === 'whole' && request.method !== 'HEAD'
    ? judgeWhole(reply, length, known)
    : met
}

function judgeStatus({ expect, request, level }: Requirement, reply: Reply): Judgement {
  const { status } = reply
  const why = `${describe(reply)} instead of ${expect.status}`
  if (status >= 500) return hard(why)
  const value = request.headers?.find(([name]) => name === 'Range')?.[1]
  // A server may ignore or refuse what it does not understand, and more than one range.
  const mayIgnore = value?.includes(',') === true && expect.status === 206
  if (mayIgnore && status === 200) return declined
  const mayRefuse = (level === 'MAY' || level === 'OURS') && expect.status === 200
  if (mayRefuse && (status === 400 || status === 416)) return met
  if (status === 200 && expect.status > 200 && value !== undefined) {
    const ignoresRange = expect.status === 206 || expect.status === 416
    return ignoresRange ? allowed(why) : soft(why)
  }
  if (expect.status === 206) return { verdict: 'unmet', why, weight: 'refusal' }
  // Bytes of a range that was not to be sent are taken for something else.
  if (status === 206 && request.method !== 'HEAD') return hard(why)
  return soft(why)
}

function judgeField(
  reply: Reply,
  name: string,
  wanted: string | RegExp | null,
): Judgement | undefined {
  const value = field(reply, name)
  if (wanted === null) {
    return value === undefined ? undefined : hard(`${reply.status} with ${name}: ${value}`)
  }
  const isRight = typeof wanted === 'string' ? value === wanted : wanted.test(value ?? '')
  if (isRight) return undefined
  if (value === undefined) return allowed(`${reply.status} without ${name}`)
  const wrong = `${reply.status} with ${name}: ${value}`
  return hard(typeof wanted === 'string' ? `${wrong} instead of ${wanted}` : wrong)
}

function judgeWhole(reply: Reply, length: number, known: KnownBytes): Judgement {
  const declared = contentLength(reply)
  if (declared !== undefined && declared !== length) {
    return hard(`200 with Content-Length: ${declared} instead of ${length}`)
  }
  const different = known.difference(0, reply.content)
  return different ? hard(`200 with other bytes at ${different.join('-')}`) : met
}

/** The parts of a 206: of one range, or of several, in any order, joined or not. */
function judgePartial(
  reply: Reply,
  expected: readonly Positions[],
  request: RequirementRequest,
  length: number,
  known: KnownBytes,
): Judgement {
  const isSeveral = request.headers?.some(
    ([name, value]) => name === 'Range' && value.includes(','),
  )
  const parts = readParts(reply)
  if (typeof parts === 'string') return hard(parts)
  for (const { positions, completeLength, content, isComplete } of parts) {
    const [firstPos, lastPos] = positions
    const name = `206 with Content-Range: bytes ${firstPos}-${lastPos}/${completeLength}`
    if (lastPos < firstPos || lastPos >= length || completeLength !== length) {
      return hard(`${name}, of ${length} bytes`)
    }
    if (isComplete && content.length !== lastPos - firstPos + 1) {
      return hard(`${name} and ${content.length} bytes`)
    }
    const different = known.difference(firstPos, content)
    if (different) return hard(`${name} and other bytes at ${different.join('-')}`)
    known.learn(firstPos, content)
  }
  const sent = join(parts.map(({ positions }) => positions))
  const missing = expected.find(
    ([first, last]) => !sent.some((positions) => positions[0] <= first && positions[1] >= last),
  )
  if (missing) {
    const why = `${describe(reply)} without ${missing.join('-')}`
    // A server may send some of several ranges (§15.3.7).
    return isSeveral ? allowed(why) : hard(why)
  }
  const [only] = expected
  const requested = expected.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  if (isSeveral && requested < length && sent[0]![0] === 0 && sent[0]![1] === length - 1) {
    return allowed(`206 with all of the content instead of ${expected.length} ranges`)
  }
  if (isSeveral || (sent[0]![0] === only![0] && sent[0]![1] === only![1])) return met
  return hard(`${describe(reply)} instead of ${only!.join('-')}`)
}

/** Joins ranges that overlap or touch. */
function join(ranges: readonly Positions[]): readonly Positions[] {
  const joined: [number, number][] = []
  for (const [firstPos, lastPos] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1)
    if (last && firstPos <= last[1] + 1) last[1] = Math.max(last[1], lastPos)
    else joined.push([firstPos, lastPos])
  }
  return joined
}

interface SentPart {
  readonly positions: Positions
  readonly completeLength: number
  readonly content: Buffer
  readonly isComplete: boolean
}

function readParts(reply: Reply): readonly SentPart[] | string {
  const type = field(reply, 'Content-Type') ?? ''
  if (/^multipart\/byteranges/i.test(type)) {
    if (field(reply, 'Content-Range') !== undefined) {
      return '206 in several parts with a Content-Range of its own'
    }
    const parts = parseByteranges(type, reply.content)
    if (typeof parts === 'string') return `206 in several parts: ${parts}`
    return parts.map((part) => ({ ...part, isComplete: true }))
  }
  const text = field(reply, 'Content-Range')
  const found = parseContentRange(text)
  if (!found) return text === undefined ? '206 without Content-Range' : `206 with Content-Range: ${text}` // prettier-ignore
  const declared = contentLength(reply)
  const { positions: [firstPos, lastPos] } = found // prettier-ignore
  if (declared !== undefined && declared !== lastPos - firstPos + 1) {
    return `206 with Content-Range: ${text} and Content-Length: ${declared}`
  }
  return [{ ...found, content: reply.content, isComplete: reply.isComplete }]
}

/** A response in a few words: its status, and the range that it declares. */
export function describe(reply: Reply): string {
  const contentRange = field(reply, 'Content-Range')
  return contentRange === undefined
    ? String(reply.status)
    : `${reply.status} with Content-Range: ${contentRange}`
}
