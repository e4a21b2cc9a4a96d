// A subject of requirements, by what a client notices.

export type Platform = 'Express' | 'Koa' | 'nginx' | 'S3, CloudFront'

export type Client = 'players' | 'browsers' | 'download managers' | 'caches'

export type TopicId =
  | 'ranges'
  | 'announcement'
  | 'length'
  | 'head'
  | 'positions'
  | 'edges'
  | 'grammar'
  | 'unsatisfiable'
  | 'several'
  | 'revalidation'
  | 'resuming'
  | 'versions'
  | 'preconditions'
  | 'validators'
  | 'stability'
  | 'metadata'
  | 'encoding'
  | 'cors'
  | 'http2'
  | 'certificate'

export interface Topic {
  readonly title: string
  /** The title if something is wrong. */
  readonly fault: string
  /** The most that a finding can be: `advice` if clients get along without it. */
  readonly most: 'wrong' | 'advice'
  /** Ids of the requirements that are checked. */
  readonly rows: readonly string[]
  /** Those of them that clients hardly ever depend on: advice, unless bytes are wrong. */
  readonly lesser?: readonly string[]
  /** What clients do because of it, by kind. */
  readonly effects: Readonly<Partial<Record<Client, string>>>
}

/** How to mend what is wrong, by platform. */
export type Remedies = Readonly<Partial<Record<Platform, string>>>
