// From outcomes to a report.

import type { Checked } from './checks.ts'
import type { Budget } from './client.ts'
import type { Reached } from './follow.ts'
import type { Observation } from './observations.ts'
import type { Check, Finding, Report, TopicReport } from './report.ts'
import { field } from './reply.ts'
import type { Representation } from './requirements/requirement.ts'
import { remedies } from './remedies.ts'
import type { Topic, TopicId } from './topic.ts'
import { topics } from './topics.ts'

interface Outcomes {
  readonly reached: Reached
  readonly representation: Representation
  /** Whether scripts of other sites may read the content. */
  readonly isShared: boolean
  readonly checks: ReadonlyMap<string, Checked>
  readonly observations: readonly Observation[]
  readonly budget: Budget
  readonly speaksHttp2: boolean
}

export function summarize(outcomes: Outcomes): Report {
  const { reached, representation, checks, observations, budget, speaksHttp2 } = outcomes
  const { first } = reached
  const ids = Object.keys(topics).filter(isTopicId)
  const findings = ids.flatMap((id): Finding[] => {
    const topic = topics[id]
    const rows = topic.rows.flatMap((row) => checks.get(row) ?? [])
    const unmet = rows.filter(({ outcome }) => outcome === 'unmet')
    const seen = observations.filter((observation) => observation.topic === id)
    if (unmet.length === 0 && seen.length === 0) return []
    const isWrong =
      unmet.some((check) => isGrave(check, topic)) ||
      seen.some(({ severity }) => severity === 'wrong')
    return [
      {
        id,
        severity: isWrong && topic.most === 'wrong' ? 'wrong' : 'advice',
        title: topic.fault,
        evidence: [...seen.map(({ evidence }) => evidence), ...unmet.map(({ why }) => why!)],
        effects: topic.effects,
        remedies: remedies[id],
      },
    ]
  })
  return {
    url: reached.url.href,
    redirects: reached.redirects,
    protocols: speaksHttp2 ? ['HTTP/1.1', 'HTTP/2'] : ['HTTP/1.1'],
    representation: {
      length: representation.length,
      type: field(first, 'Content-Type'),
      etag: representation.etag,
      lastModified: representation.lastModified?.toUTCString(),
    },
    software: [field(first, 'Server'), field(first, 'X-Powered-By'), field(first, 'Via')].filter(Boolean).join(', ') || undefined, // prettier-ignore
    requests: budget.requests,
    bytes: budget.bytes,
    topics: ids.map((id) => reportTopic(id, topics[id], outcomes, findings)),
    findings: findings.toSorted((a, b) => rank(a) - rank(b)),
  }
}

function isTopicId(key: string): key is TopicId {
  return Object.hasOwn(topics, key)
}

function isGrave({ id, level, weight }: Checked, { lesser = [] }: Topic): boolean {
  if (weight === 'hard') return true
  if (weight === 'allowed' || lesser.includes(id)) return false
  return weight === 'refusal' || level === 'MUST'
}

const rank = ({ severity }: Finding): number => (severity === 'wrong' ? 0 : 1)

function reportTopic(
  id: TopicId,
  { title, rows }: Topic,
  { checks, reached, speaksHttp2, isShared }: Outcomes,
  findings: readonly Finding[],
): TopicReport {
  const found: Check[] = rows.flatMap((row) => {
    const checked = checks.get(row)
    if (!checked) return []
    const { weight: _, ...visible } = checked
    return visible
  })
  const finding = findings.find((each) => each.id === id)
  const skipped = found.filter(({ outcome }) => outcome === 'not checked')
  const declines = found.filter(({ outcome }) => outcome === 'declined')
  const unseen: Partial<Record<TopicId, string | false>> = {
    http2: !speaksHttp2 && 'not spoken',
    certificate: reached.url.protocol !== 'https:' && 'not https',
    cors: !isShared && 'no Access-Control-Allow-Origin',
  }
  const nothing =
    unseen[id] || (found.length > 0 && skipped.length === found.length && skipped[0]!.why)
  const base = { id, title, checks: found }
  if (finding) return { ...base, outcome: finding.severity }
  if (nothing) return { ...base, outcome: 'not checked', note: nothing }
  const note = declines.length > 0 ? 'the full content instead, as a server may' : skipped[0]?.why
  return { ...base, outcome: 'right', note }
}
