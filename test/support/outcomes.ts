// What came through a front: requests, and names for their responses if every byte is right.

import type http from 'node:http'
import type { FrontResponse } from './front.ts'
import { parseByteranges } from './multipart.ts'
import { contentRange } from './recorder.ts'

const MiB = 1024 * 1024

/** Of the file that is requested: four slices of 1 MiB, the last one short. */
export const size = 3 * MiB + 54_321

/** Stands for the tag that the file has. */
export const own = '"?"'

/** A request, and its outcome: status and positions, if every byte is right. */
type Row = readonly [
  name: string,
  expected: string,
  headers: http.OutgoingHttpHeaders,
  method?: string,
]
export const rows: readonly Row[] = [
  ['a range', '206 1000000-1000099', { Range: 'bytes=1000000-1000099' }],
  ['the first byte', '206 0-0', { Range: 'bytes=0-0' }],
  ['across slices', `206 ${MiB - 1}-${2 * MiB}`, { Range: `bytes=${MiB - 1}-${2 * MiB}` }],
  ['to the end', `206 3000000-${size - 1}`, { Range: 'bytes=3000000-' }],
  ['a suffix', `206 ${size - 100}-${size - 1}`, { Range: 'bytes=-100' }],
  ['all of it', '200', {}],
  ['several ranges', '206 0-99,2000000-2000099', { Range: 'bytes=0-99,2000000-2000099' }],
  ['descending ranges', '206 2000000-2000099,0-99', { Range: 'bytes=2000000-2000099,0-99' }],
  ['beyond the end', `416 */${size}`, { Range: 'bytes=9000000-' }],
  ['If-None-Match', '304', { 'If-None-Match': own }],
  ['If-Range', '206 500-599', { Range: 'bytes=500-599', 'If-Range': own }],
  ['If-Range of another', '200', { Range: 'bytes=1008-1999', 'If-Range': '"other"' }],
  ['HEAD', `200 with 0 of ${size}`, {}, 'HEAD'],
  ['HEAD with Range', `200 with 0 of ${size}`, { Range: 'bytes=0-99' }, 'HEAD'],
]

interface Place {
  readonly contentRange: string
  readonly content: Buffer
}

/** Names what a response is: its status, and the positions of which it has the bytes. */
export function outcome(
  { status, fields, content, isComplete }: FrontResponse,
  bytes: Buffer,
  method = 'GET',
): string {
  if (!isComplete) return `${status} cut`
  if (status === 416) return `416 ${fields['content-range']?.replace('bytes ', '')}`
  if (method === 'HEAD') return `${status} with ${content.length} of ${fields['content-length']}`
  if (status === 200) return content.equals(bytes) ? '200' : '200 wrong'
  if (status === 304) return fields.etag === undefined ? '304 without ETag' : '304'
  if (status !== 206) return `${status}`
  const type = fields['content-type'] ?? ''
  const parts = type.startsWith('multipart/')
    ? parseByteranges(type, content)
    : [{ contentRange: fields['content-range'] ?? '', content }]
  return `206 ${parts.map((part) => placeOf(part, bytes)).join()}`
}

function placeOf({ contentRange, content }: Place, bytes: Buffer): string {
  const [, first = NaN, last = NaN] = /^bytes (\d+)-(\d+)\/\d+$/.exec(contentRange) ?? []
  const expected = bytes.subarray(Number(first), Number(last) + 1)
  return content.equals(expected) ? `${first}-${last}` : 'wrong'
}

/** Which of two versions a response is, which must agree with its tag. */
export function version(
  { status, fields, content, isComplete }: FrontResponse,
  { A, B }: Readonly<Record<'A' | 'B', Buffer>>,
  tagOfA: string | undefined,
): string {
  if (status >= 500) return 'cut'
  const { firstPos } = contentRange(new Map(Object.entries(fields as Record<string, string>)))
  const at = firstPos || 0
  const isA = content.equals(A.subarray(at, at + content.length))
  const isB = content.equals(B.subarray(at, at + content.length))
  if (fields.etag !== undefined && !(fields.etag === tagOfA ? isA : isB)) return 'mixed'
  if (!isComplete) return isA || isB ? 'cut' : 'mixed'
  return isA ? 'A' : isB ? 'B' : 'mixed'
}
