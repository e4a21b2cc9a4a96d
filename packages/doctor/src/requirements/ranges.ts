// What a Range is to yield: RFC 9110 §14, §15.3.7 and §15.5.17. One row, one fact.

import { expectationsOf, get, range, type Row } from './requirement.ts'

/** The rows for a representation of `n` bytes, of which most need at least 10,000. */
export function rangeRows(n: number): Row[] {
  const { whole, unsatisfiable, part, parts } = expectationsOf(n)
  return [
    // The full representation
    ['accept-ranges', 'SHOULD', '14.3', 'say Accept-Ranges: bytes on a 200', get(), { ...whole, fields: { 'Accept-Ranges': 'bytes' } }],
    ['head', 'SHOULD', '9.3.2', 'send the same fields for HEAD as for GET', { method: 'HEAD' }, { status: 200, content: 'none', fields: { 'Content-Length': String(n) } }],
    ['range-head', 'MUST', '14.2', 'ignore Range when the method is not GET', { method: 'HEAD', headers: [['Range', 'bytes=0-4']] }, { status: 200, content: 'none', fields: { 'Content-Length': String(n), 'Content-Range': null } }],

    // One range
    ['range-first', 'SHOULD', '14.1.2', 'send the first 500 bytes', range('bytes=0-499'), part(0, 499)],
    ['range-second', 'SHOULD', '14.1.2', 'send the second 500 bytes', range('bytes=500-999'), part(500, 999)],
    ['range-final', 'SHOULD', '14.1.2', 'send the final 500 bytes', range('bytes=-500'), part(n - 500, n - 1)],
    ['range-open', 'SHOULD', '14.1.2', 'send from 9500 to the end', range(`bytes=${n - 500}-`), part(n - 500, n - 1)],
    ['range-zero', 'SHOULD', '14.1.2', 'send the first byte', range('bytes=0-0'), part(0, 0)],
    ['range-last-byte', 'SHOULD', '14.1.2', 'send the last byte', range('bytes=-1'), part(n - 1, n - 1)],
    ['range-last-position', 'SHOULD', '14.1.2', 'send the last byte by its position', range(`bytes=${n - 1}-${n - 1}`), part(n - 1, n - 1)],
    ['range-open-zero', 'SHOULD', '14.1.2', 'send the full representation as a range from 0', range('bytes=0-'), part(0, n - 1)],
    ['range-all', 'SHOULD', '14.1.2', 'send the full representation as a range', range(`bytes=0-${n - 1}`), part(0, n - 1)],
    ['range-beyond', 'MUST', '14.1.2', 'end a range that exceeds the representation at its end', range(`bytes=${n - 10}-${n + 10_000}`), part(n - 10, n - 1)],
    ['range-suffix-long', 'MUST', '14.1.2', 'send the full representation for a longer suffix', range(`bytes=-${n + 1}`), part(0, n - 1)],
    ['range-suffix-exact', 'MUST', '14.1.2', 'send the full representation for a suffix of its length', range(`bytes=-${n}`), part(0, n - 1)],
    ['range-leading-zeros', 'MUST', '14.1.1', 'read positions as decimal numbers', range('bytes=0000000000000000000001-0002'), part(1, 2)],
    ['range-2-53', 'MUST', '14.1.2', 'end a range whose last position is 2^53 at the end', range(`bytes=${n - 10}-9007199254740992`), part(n - 10, n - 1)],
    ['range-2-64', 'MUST', '14.1.2', 'end a range whose last position exceeds 2^64 at the end', range(`bytes=${n - 10}-18446744073709551617`), part(n - 10, n - 1)],
    ['range-1000-digits', 'MUST', '14.1.2', 'end a range whose last position has 1,000 digits at the end', range(`bytes=${n - 10}-${'9'.repeat(1000)}`), part(n - 10, n - 1)],
    ['suffix-1000-digits', 'MUST', '14.1.2', 'send the full representation for a suffix of 1,000 digits', range(`bytes=-${'9'.repeat(1000)}`), part(0, n - 1)],
    ['range-fields', 'MUST', '15.3.7', 'send the fields of the 200 with a 206', range('bytes=0-1'), part(0, 1)],

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
    ['range-space', 'MUST', '5.6.1', 'allow white space around elements, as in §14.1.2', range('bytes= 0-999, 4500-5499, -1000'), parts([0, 999], [4500, 5499], [n - 1000, n - 1])],
    ['range-tabs', 'MUST', '5.6.1', 'allow tabs around elements', range(`bytes=0-0\t,\t${n - 1}-${n - 1}`), parts([0, 0], [n - 1, n - 1])],
    ['range-empty-elements', 'MUST', '5.6.1.2', 'skip empty elements', range('bytes=,,0-4,,'), part(0, 4)],
    ['range-two-lines', 'OURS', '5.3', 'ignore several Range field lines', get(['Range', 'bytes=0-1'], ['Range', 'bytes=2-3']), whole],
    ['range-two-lines-joining', 'OURS', '5.3', 'ignore Range field lines that would join to one set', get(['Range', 'bytes=0-1'], ['Range', '4-5']), whole],

    // Unsatisfiable
    ['unsatisfiable', 'SHOULD', '15.5.17', 'respond 416 with the length to a range beyond the end', range(`bytes=${n}-`), unsatisfiable],
    ['unsatisfiable-range', 'SHOULD', '15.5.17', 'respond 416 to a closed range beyond the end', range(`bytes=${n}-${n + 1}`), unsatisfiable],
    ['unsatisfiable-2-53', 'SHOULD', '15.5.17', 'respond 416 to a range from 2^53', range('bytes=9007199254740992-'), unsatisfiable],
    ['unsatisfiable-1000-digits', 'SHOULD', '15.5.17', 'respond 416 to a range from a position of 1,000 digits', range(`bytes=${'9'.repeat(1000)}-`), unsatisfiable],
    ['unsatisfiable-suffix', 'MUST', '14.1.2', 'treat a suffix of 0 bytes as unsatisfiable', range('bytes=-0'), unsatisfiable],
    ['unsatisfiable-suffix-zeros', 'MUST', '14.1.2', 'treat a suffix of 000 bytes as unsatisfiable', range('bytes=-000'), unsatisfiable],
    ['unsatisfiable-all', 'SHOULD', '15.5.17', 'respond 416 if every range is unsatisfiable', range(`bytes=${n}-,${2 * n}-${2 * n + 1},-0`), unsatisfiable],
    ['satisfiable-one', 'MUST', '14.1.2', 'send the ranges that are satisfiable', range(`bytes=0-0,${2 * n}-`), part(0, 0)],
    ['satisfiable-suffix', 'MUST', '14.1.2', 'drop a suffix of 0 bytes among other ranges', range('bytes=-0,5-5'), part(5, 5)],

    // Several ranges
    ['multipart', 'MUST', '15.3.7.2', 'send several ranges as multipart/byteranges', range('bytes=0-99,5000-5099'), parts([0, 99], [5000, 5099])],
    ['multipart-first-last', 'MUST', '14.1.2', 'send the first and the last byte', range('bytes=0-0,-1'), parts([0, 0], [n - 1, n - 1])],
    ['multipart-order', 'MAY', '15.3.7.2', 'send parts in the requested order', range('bytes=5000-5099,0-99'), parts([5000, 5099], [0, 99])],
    ['coalesce-overlap', 'MAY', '15.3.7.2', 'join ranges that overlap', range('bytes=0-500,400-999'), part(0, 999)],
    ['coalesce-touch', 'MAY', '15.3.7.2', 'join ranges that touch', range('bytes=500-600,601-999'), part(500, 999)],
    ['coalesce-near', 'MAY', '15.3.7.2', 'join ranges that are closer than the overhead of a part', range('bytes=0-10,20-30'), part(0, 30)],
    ['coalesce-inside', 'MAY', '15.3.7.2', 'join a range with another inside it', range('bytes=0-999,100-200'), part(0, 999)],
    ['coalesce-same', 'MAY', '15.3.7.2', 'send a range that is requested twice once', range('bytes=0-9,0-9'), part(0, 9)],
    ['coalesce-place', 'MAY', '15.3.7.2', 'send joined ranges in the place of the first', range('bytes=5000-5009,0-9,5010-5019'), parts([5000, 5019], [0, 9])],
    ['multipart-larger', 'OURS', '14.2', 'send the full response if the parts are no smaller', range(`bytes=0-4900,5100-${n - 1}`), whole],
    ['overlapping-many', 'SHOULD', '14.2', 'send bytes that are requested 1,300 times once', range(`bytes=${Array.from({ length: 1300 }, (_, i) => `${i}-`).join(',')}`), part(0, n - 1)],
  ]
}
