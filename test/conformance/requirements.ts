// What every response must be, as data: RFC 9110 and what it leaves open. One row, one fact.

import type { RawRequest } from '../support/raw.ts'

/** The representation that every server of the table serves. */
export const representation = {
  length: 10_000,
  type: 'application/octet-stream',
  etag: '"v1"',
  lastModified: new Date('2025-01-01T10:00:00Z'),
  cacheControl: 'public, max-age=60',
} as const

export interface Requirement {
  readonly id: string
  readonly level: 'MUST' | 'SHOULD' | 'MAY' | 'OURS'
  /** Of RFC 9110. */
  readonly section: string
  readonly says: string
  readonly request: RawRequest
  readonly expect: Expectation
}

export interface Expectation {
  readonly status: number
  /** What the content is: the full representation, nothing, or ranges of it. */
  readonly content: 'whole' | 'none' | readonly (readonly [firstPos: number, lastPos: number])[]
  /** The fields that the response must have; `null`: must not have. */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>
}

const modified = 'Wed, 01 Jan 2025 10:00:00 GMT'
const later = 'Wed, 01 Jan 2025 10:00:01 GMT'
const earlier = 'Wed, 01 Jan 2025 09:59:59 GMT'

const whole: Expectation = { status: 200, content: 'whole', fields: { 'Content-Range': null } }
const notModified: Expectation = {
  status: 304,
  content: 'none',
  fields: { ETag: '"v1"', 'Content-Type': null, 'Content-Length': null, 'Content-Range': null },
}
const failed: Expectation = {
  status: 412,
  content: 'none',
  fields: { 'Content-Type': null, ETag: null, 'Content-Length': '0', Vary: /origin/i },
}
const unsatisfiable: Expectation = {
  status: 416,
  content: 'none',
  fields: {
    'Content-Range': 'bytes */10000',
    'Content-Length': '0',
    'Content-Type': null,
    'Cache-Control': null,
    ETag: null,
    'Last-Modified': null,
    'Access-Control-Allow-Origin': '*',
    Vary: /origin/i,
  },
}

const get = (...headers: [string, string][]): RawRequest => ({ headers })
const range = (value: string, ...headers: [string, string][]): RawRequest =>
  get(['Range', value], ...headers)

const part = (firstPos: number, lastPos: number): Expectation => ({
  status: 206,
  content: [[firstPos, lastPos]],
  fields: {
    'Content-Range': `bytes ${firstPos}-${lastPos}/10000`,
    'Content-Length': String(lastPos - firstPos + 1),
    'Content-Type': representation.type,
    'Accept-Ranges': 'bytes',
  },
})
const parts = (...ranges: [number, number][]): Expectation => ({
  status: 206,
  content: ranges,
  fields: { 'Content-Range': null, 'Content-Type': /^multipart\/byteranges; boundary=/ },
})

type Row = [
  id: string,
  level: Requirement['level'],
  section: string,
  says: string,
  request: RawRequest,
  expect: Expectation,
]

const rows: Row[] = [
  // The full representation
  ['accept-ranges', 'SHOULD', '14.3', 'say Accept-Ranges: bytes on a 200', get(), { ...whole, fields: { 'Accept-Ranges': 'bytes', 'Content-Length': '10000', 'Cache-Control': representation.cacheControl, ETag: '"v1"', 'Last-Modified': modified } }],
  ['head', 'SHOULD', '9.3.2', 'send the same fields for HEAD as for GET', { method: 'HEAD' }, { status: 200, content: 'none', fields: { 'Accept-Ranges': 'bytes', 'Content-Length': '10000', 'Content-Type': representation.type, ETag: '"v1"' } }],
  ['range-head', 'MUST', '14.2', 'ignore Range when the method is not GET', { method: 'HEAD', headers: [['Range', 'bytes=0-4']] }, { status: 200, content: 'none', fields: { 'Content-Length': '10000', 'Content-Range': null } }],
  ['range-post', 'MUST', '14.2', 'ignore Range in a POST', { method: 'POST', headers: [['Range', 'bytes=0-4']] }, whole],
  ['range-options', 'MUST', '14.2', 'ignore Range in an OPTIONS', { method: 'OPTIONS', headers: [['Range', 'bytes=0-4']] }, whole],

  // One range
  ['range-first', 'SHOULD', '14.1.2', 'send the first 500 bytes', range('bytes=0-499'), part(0, 499)],
  ['range-second', 'SHOULD', '14.1.2', 'send the second 500 bytes', range('bytes=500-999'), part(500, 999)],
  ['range-final', 'SHOULD', '14.1.2', 'send the final 500 bytes', range('bytes=-500'), part(9500, 9999)],
  ['range-open', 'SHOULD', '14.1.2', 'send from 9500 to the end', range('bytes=9500-'), part(9500, 9999)],
  ['range-zero', 'SHOULD', '14.1.2', 'send the first byte', range('bytes=0-0'), part(0, 0)],
  ['range-last-byte', 'SHOULD', '14.1.2', 'send the last byte', range('bytes=-1'), part(9999, 9999)],
  ['range-last-position', 'SHOULD', '14.1.2', 'send the last byte by its position', range('bytes=9999-9999'), part(9999, 9999)],
  ['range-open-zero', 'SHOULD', '14.1.2', 'send the full representation as a range from 0', range('bytes=0-'), part(0, 9999)],
  ['range-all', 'SHOULD', '14.1.2', 'send the full representation as a range', range('bytes=0-9999'), part(0, 9999)],
  ['range-beyond', 'MUST', '14.1.2', 'end a range that exceeds the representation at its end', range('bytes=9990-20000'), part(9990, 9999)],
  ['range-suffix-long', 'MUST', '14.1.2', 'send the full representation for a longer suffix', range('bytes=-10001'), part(0, 9999)],
  ['range-suffix-exact', 'MUST', '14.1.2', 'send the full representation for a suffix of its length', range('bytes=-10000'), part(0, 9999)],
  ['range-leading-zeros', 'MUST', '14.1.1', 'read positions as decimal numbers', range('bytes=0000000000000000000001-0002'), part(1, 2)],
  ['range-2-53', 'MUST', '14.1.2', 'end a range whose last position is 2^53 at the end', range('bytes=9990-9007199254740992'), part(9990, 9999)],
  ['range-2-64', 'MUST', '14.1.2', 'end a range whose last position exceeds 2^64 at the end', range('bytes=9990-18446744073709551617'), part(9990, 9999)],
  ['range-1000-digits', 'MUST', '14.1.2', 'end a range whose last position has 1,000 digits at the end', range(`bytes=9990-${'9'.repeat(1000)}`), part(9990, 9999)],
  ['suffix-1000-digits', 'MUST', '14.1.2', 'send the full representation for a suffix of 1,000 digits', range(`bytes=-${'9'.repeat(1000)}`), part(0, 9999)],
  ['range-fields', 'MUST', '15.3.7', 'send the fields of the 200 with a 206', range('bytes=0-1'), { ...part(0, 1), fields: { ETag: '"v1"', 'Last-Modified': modified, Vary: /origin/i, 'Cache-Control': /^public, max-age=60, no-transform$/, 'Access-Control-Allow-Origin': '*', Date: /GMT$/ } }],

  // The grammar
  ['unit-case', 'MUST', '14.1', 'accept the unit in upper or lower case', range('BYTES=0-4'), part(0, 4)],
  ['unit-unknown', 'MUST', '14.2', 'ignore an unknown unit', range('items=0-4'), whole],
  ['unit-none', 'MAY', '14.2', 'ignore a Range without a unit', range('0-4'), whole],
  ['unit-space', 'MAY', '14.2', 'ignore a specifier with white space in it', range('bytes = 0-4'), whole],
  ['range-empty', 'MAY', '14.2', 'ignore an empty range set', range('bytes='), whole],
  ['range-commas', 'MAY', '14.2', 'ignore a range set of empty elements', range('bytes=, ,,'), whole],
  ['range-reversed', 'MAY', '14.1.1', 'ignore a reversed range', range('bytes=5-2'), whole],
  ['range-reversed-among', 'MAY', '14.1.1', 'ignore a range set that includes a reversed range', range('bytes=0-1,5-2'), whole],
  ['range-reversed-2-53', 'MAY', '14.1.1', 'ignore a range reversed by one beyond 2^53', range('bytes=9007199254740993-9007199254740992'), whole],
  ['range-letters', 'MAY', '14.2', 'ignore positions that are not numbers', range('bytes=a-b'), whole],
  ['range-hex', 'MAY', '14.2', 'ignore hexadecimal positions', range('bytes=0x0-0x4'), whole],
  ['range-sign', 'MAY', '14.2', 'ignore signed positions', range('bytes=+0-4'), whole],
  ['range-minus', 'MAY', '14.2', 'ignore a lone minus', range('bytes=-'), whole],
  ['range-suffix-minus', 'MAY', '14.2', 'ignore a doubled minus', range('bytes=--5'), whole],
  ['range-fraction', 'MAY', '14.2', 'ignore fractions', range('bytes=0.0-4'), whole],
  ['range-exponent', 'MAY', '14.2', 'ignore exponents', range('bytes=0-1e3'), whole],
  ['range-inner-space', 'MAY', '14.2', 'ignore a range with white space in it', range('bytes=0 -4'), whole],
  ['range-other-set', 'MAY', '14.2', 'ignore an other-range', range('bytes=0-4;x'), whole],
  ['range-one-bad', 'MAY', '14.2', 'ignore a range set with an invalid element', range('bytes=0-4,x'), whole],
  ['range-space', 'MUST', '5.6.1', 'allow white space around elements, as in §14.1.2', range('bytes= 0-999, 4500-5499, -1000'), parts([0, 999], [4500, 5499], [9000, 9999])],
  ['range-tabs', 'MUST', '5.6.1', 'allow tabs around elements', range('bytes=0-0\t,\t9999-9999'), parts([0, 0], [9999, 9999])],
  ['range-empty-elements', 'MUST', '5.6.1.2', 'skip empty elements', range('bytes=,,0-4,,'), part(0, 4)],
  ['range-two-lines', 'OURS', '5.3', 'ignore several Range field lines', get(['Range', 'bytes=0-1'], ['Range', 'bytes=2-3']), whole],
  ['range-two-lines-joining', 'OURS', '5.3', 'ignore Range field lines that would join to one set', get(['Range', 'bytes=0-1'], ['Range', '4-5']), whole],

  // Unsatisfiable
  ['unsatisfiable', 'SHOULD', '15.5.17', 'respond 416 with the length to a range beyond the end', range('bytes=10000-'), unsatisfiable],
  ['unsatisfiable-range', 'SHOULD', '15.5.17', 'respond 416 to a closed range beyond the end', range('bytes=10000-10001'), unsatisfiable],
  ['unsatisfiable-2-53', 'SHOULD', '15.5.17', 'respond 416 to a range from 2^53', range('bytes=9007199254740992-'), unsatisfiable],
  ['unsatisfiable-1000-digits', 'SHOULD', '15.5.17', 'respond 416 to a range from a position of 1,000 digits', range(`bytes=${'9'.repeat(1000)}-`), unsatisfiable],
  ['unsatisfiable-suffix', 'MUST', '14.1.2', 'treat a suffix of 0 bytes as unsatisfiable', range('bytes=-0'), unsatisfiable],
  ['unsatisfiable-suffix-zeros', 'MUST', '14.1.2', 'treat a suffix of 000 bytes as unsatisfiable', range('bytes=-000'), unsatisfiable],
  ['unsatisfiable-all', 'SHOULD', '15.5.17', 'respond 416 if every range is unsatisfiable', range('bytes=10000-,20000-20001,-0'), unsatisfiable],
  ['satisfiable-one', 'MUST', '14.1.2', 'send the ranges that are satisfiable', range('bytes=0-0,20000-'), part(0, 0)],
  ['satisfiable-suffix', 'MUST', '14.1.2', 'drop a suffix of 0 bytes among other ranges', range('bytes=-0,5-5'), part(5, 5)],

  // Several ranges
  ['multipart', 'MUST', '15.3.7.2', 'send several ranges as multipart/byteranges', range('bytes=0-99,5000-5099'), parts([0, 99], [5000, 5099])],
  ['multipart-first-last', 'MUST', '14.1.2', 'send the first and the last byte', range('bytes=0-0,-1'), parts([0, 0], [9999, 9999])],
  ['multipart-order', 'MAY', '15.3.7.2', 'send parts in the requested order', range('bytes=5000-5099,0-99'), parts([5000, 5099], [0, 99])],
  ['coalesce-overlap', 'MAY', '15.3.7.2', 'join ranges that overlap', range('bytes=0-500,400-999'), part(0, 999)],
  ['coalesce-touch', 'MAY', '15.3.7.2', 'join ranges that touch', range('bytes=500-600,601-999'), part(500, 999)],
  ['coalesce-near', 'MAY', '15.3.7.2', 'join ranges that are closer than the overhead of a part', range('bytes=0-10,20-30'), part(0, 30)],
  ['coalesce-inside', 'MAY', '15.3.7.2', 'join a range with another inside it', range('bytes=0-999,100-200'), part(0, 999)],
  ['coalesce-same', 'MAY', '15.3.7.2', 'send a range that is requested twice once', range('bytes=0-9,0-9'), part(0, 9)],
  ['coalesce-place', 'MAY', '15.3.7.2', 'send joined ranges in the place of the first', range('bytes=5000-5009,0-9,5010-5019'), parts([5000, 5019], [0, 9])],
  ['multipart-larger', 'OURS', '14.2', 'send the full response if the parts are no smaller', range('bytes=0-4900,5100-9999'), whole],
  ['overlapping-many', 'SHOULD', '14.2', 'send bytes that are requested 1,300 times once', range(`bytes=${Array.from({ length: 1300 }, (_, i) => `${i}-`).join(',')}`), part(0, 9999)],

  // If-None-Match and If-Modified-Since
  ['inm-match', 'MUST', '13.1.2', 'respond 304 if the entity-tag matches', get(['If-None-Match', '"v1"']), notModified],
  ['inm-weak', 'MUST', '13.1.2', 'compare entity-tags weakly', get(['If-None-Match', 'W/"v1"']), notModified],
  ['inm-list', 'MUST', '13.1.2', 'compare every entity-tag of a list', get(['If-None-Match', '"x", "y" , W/"v1"']), notModified],
  ['inm-lines', 'MUST', '5.3', 'join the field lines of a list', get(['If-None-Match', '"x"'], ['If-None-Match', '"v1"']), notModified],
  ['inm-star', 'MUST', '13.1.2', 'respond 304 to *', get(['If-None-Match', '*']), notModified],
  ['inm-other', 'MUST', '13.1.2', 'send the full response if none matches', get(['If-None-Match', '"v2"']), whole],
  ['inm-comma', 'MUST', '8.8.3', 'treat a comma inside quotes as part of the entity-tag', get(['If-None-Match', '"a,"v1"']), whole],
  ['inm-quoted-comma', 'MUST', '8.8.3', 'read on after an entity-tag with commas', get(['If-None-Match', '"a,b,", "v1"']), notModified],
  ['inm-case', 'MUST', '8.8.3', 'reject a lower-case w/ as the mark of a weak entity-tag', get(['If-None-Match', 'w/"v1"']), whole],
  ['inm-head', 'MUST', '13.1.2', 'respond 304 to HEAD too', { method: 'HEAD', headers: [['If-None-Match', '"v1"']] }, notModified],
  ['inm-over-ims', 'MUST', '13.1.3', 'ignore If-Modified-Since beside If-None-Match', get(['If-None-Match', '"v2"'], ['If-Modified-Since', later]), whole],
  ['inm-no-cache', 'OURS', '13.1.2', 'respond 304 even if the request has no-cache', get(['If-None-Match', '"v1"'], ['Cache-Control', 'no-cache']), notModified],
  ['ims-same', 'SHOULD', '13.1.3', 'respond 304 if it has not been modified since', get(['If-Modified-Since', modified]), notModified],
  ['ims-later', 'SHOULD', '13.1.3', 'respond 304 to a later date', get(['If-Modified-Since', later]), notModified],
  ['ims-earlier', 'MUST', '13.1.3', 'send the full response for an earlier date', get(['If-Modified-Since', earlier]), whole],
  ['ims-rfc850', 'MUST', '5.6.7', 'read an RFC 850 date', get(['If-Modified-Since', 'Wednesday, 01-Jan-25 10:00:00 GMT']), notModified],
  ['ims-asctime', 'MUST', '5.6.7', 'read an asctime date', get(['If-Modified-Since', 'Wed Jan  1 10:00:00 2025']), notModified],
  ['ims-invalid', 'MUST', '13.1.3', 'ignore an invalid date', get(['If-Modified-Since', '2025-01-01T10:00:00Z']), whole],
  ['ims-range', 'MUST', '13.2.2', 'evaluate If-Modified-Since before Range', range('bytes=0-4', ['If-Modified-Since', modified]), notModified],
  ['inm-range', 'MUST', '13.2.2', 'evaluate If-None-Match before Range', range('bytes=0-4', ['If-None-Match', '"v1"']), notModified],
  ['inm-unsatisfiable', 'MUST', '13.2.2', 'respond 304 rather than 416', range('bytes=10000-', ['If-None-Match', '"v1"']), notModified],
  ['inm-other-range', 'MUST', '13.2.2', 'send the range if none matches', range('bytes=0-4', ['If-None-Match', '"v2"']), part(0, 4)],

  // If-Match and If-Unmodified-Since
  ['im-match', 'MUST', '13.1.1', 'proceed if an entity-tag matches', get(['If-Match', '"v2", "v1"']), whole],
  ['im-star', 'MUST', '13.1.1', 'proceed for *', get(['If-Match', '*']), whole],
  ['im-other', 'MUST', '13.1.1', 'respond 412 if none matches', get(['If-Match', '"v2"']), failed],
  ['im-weak', 'MUST', '13.1.1', 'compare entity-tags strongly', get(['If-Match', 'W/"v1"']), failed],
  ['im-head', 'MUST', '13.1.1', 'respond 412 to HEAD too', { method: 'HEAD', headers: [['If-Match', '"v2"']] }, { status: 412, content: 'none' }],
  ['im-range', 'MUST', '13.2.2', 'evaluate If-Match before Range', range('bytes=0-4', ['If-Match', '"v2"']), failed],
  ['im-match-range', 'MUST', '13.2.2', 'send the range if it matches', range('bytes=0-4', ['If-Match', '"v1"']), part(0, 4)],
  ['im-over-ius', 'MUST', '13.1.4', 'ignore If-Unmodified-Since beside If-Match', get(['If-Match', '"v1"'], ['If-Unmodified-Since', earlier]), whole],
  ['im-before-inm', 'MUST', '13.2.2', 'evaluate If-Match before If-None-Match', get(['If-Match', '"v2"'], ['If-None-Match', '"v1"']), failed],
  ['ius-same', 'MUST', '13.1.4', 'proceed if it has not been modified since', get(['If-Unmodified-Since', modified]), whole],
  ['ius-earlier', 'MUST', '13.1.4', 'respond 412 if it has been modified since', get(['If-Unmodified-Since', earlier]), failed],
  ['ius-invalid', 'MUST', '13.1.4', 'ignore an invalid date', get(['If-Unmodified-Since', 'yesterday']), whole],
  ['ius-range', 'MUST', '13.2.2', 'evaluate If-Unmodified-Since before Range', range('bytes=0-4', ['If-Unmodified-Since', earlier]), failed],

  // If-Range
  ['ir-match', 'SHOULD', '13.1.5', 'send the range if the entity-tag matches', range('bytes=0-4', ['If-Range', '"v1"']), part(0, 4)],
  ['ir-other', 'MUST', '13.1.5', 'send the full response if it does not match', range('bytes=0-4', ['If-Range', '"v2"']), whole],
  ['ir-weak', 'MUST', '13.1.5', 'send the full response for a weak entity-tag', range('bytes=0-4', ['If-Range', 'W/"v1"']), whole],
  ['ir-date', 'SHOULD', '13.1.5', 'send the range for the exact date', range('bytes=0-4', ['If-Range', modified]), part(0, 4)],
  ['ir-date-later', 'MUST', '13.1.5', 'send the full response for a later date', range('bytes=0-4', ['If-Range', later]), whole],
  ['ir-date-earlier', 'MUST', '13.1.5', 'send the full response for an earlier date', range('bytes=0-4', ['If-Range', earlier]), whole],
  ['ir-garbage', 'MUST', '13.1.5', 'send the full response for an invalid validator', range('bytes=0-4', ['If-Range', 'v1']), whole],
  ['ir-list', 'MUST', '13.1.5', 'send the full response for a list', range('bytes=0-4', ['If-Range', '"v1", "v2"']), whole],
  ['ir-no-range', 'MUST', '13.1.5', 'ignore If-Range without Range', get(['If-Range', '"v2"']), whole],
  ['ir-unsatisfiable', 'MUST', '13.2.2', 'send the full response for an unsatisfiable range of another version', range('bytes=10000-', ['If-Range', '"v2"']), whole],
  ['ir-match-unsatisfiable', 'SHOULD', '15.5.17', 'respond 416 to an unsatisfiable range of this version', range('bytes=10000-', ['If-Range', '"v1"']), unsatisfiable],
  ['ir-several', 'SHOULD', '13.1.5', 'send several ranges if the entity-tag matches', range('bytes=0-4,9000-9004', ['If-Range', '"v1"']), parts([0, 4], [9000, 9004])],
]

export const requirements: readonly Requirement[] = rows.map(
  ([id, level, section, says, request, expect]) => ({ id, level, section, says, request, expect }),
)
