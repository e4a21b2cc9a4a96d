import type { Redirect } from './follow.ts'
import type { Requirement } from './requirements/requirement.ts'
import type { Client, Remedies, TopicId } from './topic.ts'

/** What was found at a URL. */
export interface Report {
  readonly url: string
  readonly redirects: readonly Redirect[]
  /** The protocols that the server speaks. */
  readonly protocols: readonly string[]
  readonly representation: {
    readonly length?: number | undefined
    readonly type?: string | undefined
    readonly etag?: string | undefined
    readonly lastModified?: string | undefined
  }
  /** The software that responds, if it names itself. */
  readonly software?: string | undefined
  /** How many requests were sent, and how many bytes of content were read. */
  readonly requests: number
  readonly bytes: number
  /** Each subject that was looked at. */
  readonly topics: readonly TopicReport[]
  /** The subjects with something wrong, the worst first. */
  readonly findings: readonly Finding[]
}

/** What was found about one topic. */
export interface TopicReport {
  readonly id: TopicId
  readonly title: string
  readonly outcome: 'right' | 'wrong' | 'advice' | 'not checked'
  /** Why it was not checked, or what the server makes no use of. */
  readonly note?: string | undefined
  readonly checks: readonly Check[]
}

/** The outcome of one requirement. */
export interface Check extends Pick<Requirement, 'id' | 'level' | 'section' | 'says'> {
  readonly outcome: 'met' | 'unmet' | 'declined' | 'not checked'
  /** What was seen, or why nothing was. */
  readonly why?: string | undefined
}

/** Something wrong, or advice: what was seen, what clients do because of it, and how to mend it. */
export interface Finding {
  readonly id: TopicId
  readonly severity: 'wrong' | 'advice'
  readonly title: string
  readonly evidence: readonly string[]
  /** What clients do because of it. */
  readonly effects: Readonly<Partial<Record<Client, string>>>
  readonly remedies: Remedies
}
