// The requirements that are checked: which of the table apply to a representation, and their outcomes.

import { CannotCheck } from './cannot-check.ts'
import type { Transport } from './client.ts'
import { formatRequest } from './format-request.ts'
import { judge, type Weight } from './judge.ts'
import type { KnownBytes } from './known-bytes.ts'
import type { Check } from './report.ts'
import type { Representation, Requirement } from './requirements/requirement.ts'

/** A check, and how grave it is if it is not met. */
export interface Checked extends Check {
  readonly weight?: Weight
}

/** A range of fewer bytes than this may be joined with the next. */
const apart = 200

/** Why a requirement says nothing of a representation; `undefined` if it does. */
export function inapplicable(
  { expect, request }: Requirement,
  { length, etag, lastModified }: Representation,
  supportsRanges: boolean,
): string | undefined {
  const fields = request.headers ?? []
  const isOfRanges =
    fields.some(([name]) => name === 'Range' || name === 'If-Range') ||
    expect.fields?.['Accept-Ranges'] !== undefined
  if (isOfRanges && !supportsRanges) return 'no ranges are sent'
  const ranges = typeof expect.content === 'string' ? [] : expect.content
  const sorted = ranges.toSorted(([a], [b]) => a - b)
  const fits = sorted.every(
    ([firstPos, lastPos], i) =>
      firstPos >= 0 &&
      firstPos <= lastPos &&
      lastPos < length &&
      (i === 0 || firstPos - sorted[i - 1]![1] > apart),
  )
  if (!fits) return 'the content is too short'
  const opaque = etag?.replace(/^W\//, '')
  for (const [name, value] of fields) {
    if (!name.startsWith('If-')) continue
    const isDate = name.endsWith('Since') || value.endsWith(' GMT')
    if (isDate && !lastModified) return 'there is no Last-Modified'
    // A validator that the server cannot have says the same without one.
    if (isDate || value.includes('another-version') || !value.includes('"')) continue
    if (opaque === undefined) return 'there is no ETag'
  }
  const comparesStrongly = fields.some(
    ([name, value]) => /^If-(Range|Match)$/.test(name) && value === etag && etag.startsWith('W/'),
  )
  const isStrongOnly = comparesStrongly && expect.status < 300 && expect.content !== 'whole'
  return isStrongOnly ? 'the ETag is weak' : undefined
}

/** Sends the request of a requirement and judges the response. */
export async function check(
  requirement: Requirement,
  client: Transport,
  length: number,
  known: KnownBytes,
): Promise<Checked> {
  const { id, level, section, says, request } = requirement
  const row = { id, level, section, says }
  try {
    const reply = await client.send(request)
    const { verdict, why, ...grave } = judge(requirement, reply, length, known)
    if (why === undefined) return { ...row, outcome: verdict }
    return { ...row, outcome: verdict, why: `${formatRequest(request)} yields ${why}`, ...grave }
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error
    if (client.isSpent) return { ...row, outcome: 'not checked', why: error.message }
    const why = `${formatRequest(request)}: the server ${error.message}`
    return { ...row, outcome: 'unmet', why, weight: 'hard' }
  }
}
