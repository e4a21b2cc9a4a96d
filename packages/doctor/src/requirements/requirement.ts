// A requirement as data: a request, and the response that is due to it.

/** The representation that is requested, as far as it is known. */
export interface Representation {
  readonly length: number
  readonly etag?: string | undefined
  readonly lastModified?: Date | undefined
}

/** The request that checks a requirement. */
export interface RequirementRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'OPTIONS'
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Positions in the representation, both inclusive. */
export type Positions = readonly [firstPos: number, lastPos: number]

/** The response that meets a requirement. */
export interface Expectation {
  readonly status: number
  /** What the content is: the full representation, nothing, or ranges of it. */
  readonly content: 'whole' | 'none' | readonly Positions[]
  /** The fields that the response must have; `null`: must not have. */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>
}

/** One requirement of RFC 9110, or a choice of this project, that a request can check. */
export interface Requirement {
  readonly id: string
  readonly level: 'MUST' | 'SHOULD' | 'MAY' | 'OURS'
  /** Of RFC 9110. */
  readonly section: string
  readonly says: string
  readonly request: RequirementRequest
  readonly expect: Expectation
}

export type Row = [
  id: string,
  level: Requirement['level'],
  section: string,
  says: string,
  request: RequirementRequest,
  expect: Expectation,
]

export const get = (...headers: [string, string][]): RequirementRequest => ({ headers })
export const range = (value: string, ...headers: [string, string][]): RequirementRequest =>
  get(['Range', value], ...headers)

export interface Expectations {
  readonly whole: Expectation
  readonly notModified: Expectation
  readonly failed: Expectation
  readonly unsatisfiable: Expectation
  readonly part: (firstPos: number, lastPos: number) => Expectation
  readonly parts: (...ranges: Positions[]) => Expectation
}

/** What may be due of a representation of a length. */
export function expectationsOf(length: number): Expectations {
  return {
    whole: { status: 200, content: 'whole', fields: { 'Content-Range': null } },
    notModified: { status: 304, content: 'none', fields: { 'Content-Range': null } },
    failed: { status: 412, content: 'none' },
    unsatisfiable: {
      status: 416,
      content: 'none',
      fields: { 'Content-Range': `bytes */${length}` },
    },
    part: (firstPos, lastPos) => ({
      status: 206,
      content: [[firstPos, lastPos]],
      fields: {
        'Content-Range': `bytes ${firstPos}-${lastPos}/${length}`,
        'Content-Length': String(lastPos - firstPos + 1),
      },
    }),
    parts: (...ranges) => ({
      status: 206,
      content: ranges,
      fields: { 'Content-Range': null, 'Content-Type': /^multipart\/byteranges; ?boundary=/ },
    }),
  }
}
