// What no single requirement tells: comparisons of two responses, and advice.

import { parseContentRange } from './byteranges.ts'
import { CannotCheck } from './cannot-check.ts'
import type { Transport } from './client.ts'
import { describe } from './judge.ts'
import { field, type Reply } from './reply.ts'
import type { Representation, RequirementRequest } from './requirements/requirement.ts'
import { formatRequest } from './format-request.ts'
import type { TopicId } from './topic.ts'

export interface Observation {
  readonly topic: TopicId
  readonly severity: 'wrong' | 'advice'
  readonly evidence: string
}

const wrong = (topic: TopicId, evidence: string): Observation => ({ topic, severity: 'wrong', evidence }) // prettier-ignore
const advice = (topic: TopicId, evidence: string): Observation => ({ topic, severity: 'advice', evidence }) // prettier-ignore

/** Compares the first full response and the first part. */
export function compareResponses(first: Reply, part: Reply): readonly Observation[] {
  const found: Observation[] = []
  for (const name of ['ETag', 'Last-Modified']) {
    const [before, now] = [field(first, name), field(part, name)]
    if (before === now) continue
    if (now === undefined) found.push(wrong('metadata', `206 without ${name}: ${before}`))
    else found.push(wrong('stability', `${name}: ${before ?? 'none'}, then ${now}`))
  }
  if (part.status !== 206) return found
  const types = [first, part].map((reply) => field(reply, 'Content-Type'))
  if (types[0] !== types[1]) {
    found.push(wrong('metadata', `206 with Content-Type: ${types[1] ?? 'none'}, not ${types[0]}`))
  }
  for (const name of ['Cache-Control', 'Expires', 'Vary', 'Content-Location']) {
    if (field(first, name) !== undefined && field(part, name) === undefined) {
      found.push(wrong('metadata', `206 without ${name}: ${field(first, name)}`))
    }
  }
  return found
}

/** Advice on a full response by itself. */
export function adviseOn(
  first: Reply,
  { etag, lastModified }: Representation,
): readonly Observation[] {
  const found: Observation[] = []
  if (field(first, 'Content-Length') === undefined) {
    found.push(advice('length', '200 without Content-Length'))
  }
  const date = Date.parse(field(first, 'Date') ?? '')
  // A date counts as strong once it is older than its own precision (§8.8.2.2).
  const isDateStrong = lastModified && !(date - lastModified.getTime() < 1000)
  if ((etag === undefined || etag.startsWith('W/')) && !isDateStrong) {
    found.push(advice('validators', etag === undefined ? '200 without ETag' : `ETag: ${etag}`))
  }
  return found
}

/** Requests a part, and the full content, as a client that accepts compression. */
export async function observeEncoding(
  client: Transport,
  first: Reply,
  length: number,
  supportsRanges: boolean,
): Promise<readonly Observation[]> {
  const accepts = ['Accept-Encoding', 'gzip, deflate, br'] as const
  const found: Observation[] = []
  const full = await attempt(client, { headers: [accepts] })
  if (typeof full === 'string') return client.isDown ? [] : [wrong('encoding', full)]
  const coding = field(full, 'Content-Encoding')
  if (coding !== undefined && coding !== field(first, 'Content-Encoding')) {
    const etag = field(full, 'ETag')
    if (etag !== undefined && !etag.startsWith('W/') && etag === field(first, 'ETag')) {
      found.push(wrong('encoding', `ETag: ${etag} with ${coding} and without`))
    }
    if (!/\*|accept-encoding/i.test(field(full, 'Vary') ?? '')) {
      found.push(wrong('encoding', `Content-Encoding: ${coding} without Vary: Accept-Encoding`))
    }
  }
  if (!supportsRanges) return found
  const part = await attempt(client, { headers: [accepts, ['Range', 'bytes=0-99']] })
  if (typeof part === 'string') return [...found, wrong('encoding', part)]
  const partCoding = field(part, 'Content-Encoding')
  const range = parseContentRange(field(part, 'Content-Range'))
  if (part.status !== 206 || partCoding === undefined || partCoding === 'identity') return found
  const isOfPlain =
    range?.completeLength === length && partCoding !== field(first, 'Content-Encoding')
  if (isOfPlain) {
    found.push(wrong('encoding', `${describe(part)}, of the plain content, as ${partCoding}`))
  }
  return found
}

/** Requests a part as a script of another site does; `undefined` if it may not read any. */
export async function observeCors(client: Transport): Promise<readonly Observation[] | undefined> {
  const origin = 'https://range-serve.example'
  const headers = [['Origin', origin], ['Range', 'bytes=0-0']] as const // prettier-ignore
  const reply = await attempt(client, { headers })
  if (typeof reply === 'string') return [wrong('cors', reply)]
  const allowed = field(reply, 'Access-Control-Allow-Origin')
  if (reply.status !== 206 || allowed === undefined) return undefined
  const exposed = (field(reply, 'Access-Control-Expose-Headers') ?? '').toLowerCase()
  const withCredentials = field(reply, 'Access-Control-Allow-Credentials') === 'true'
  const found: Observation[] = []
  if (!exposed.includes('content-range') && (!exposed.includes('*') || withCredentials)) {
    found.push(
      advice(
        'cors',
        `Access-Control-Allow-Origin: ${allowed} without Access-Control-Expose-Headers: Content-Range`,
      ),
    )
  }
  if (allowed === origin && !/\*|origin/i.test(field(reply, 'Vary') ?? '')) {
    found.push(advice('cors', 'Access-Control-Allow-Origin follows Origin without Vary: Origin'))
  }
  return found
}

/** The response, or what is to be said if there is none. */
async function attempt(client: Transport, request: RequirementRequest): Promise<Reply | string> {
  try {
    return await client.send(request)
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error
    return `${formatRequest(request)}: the server ${error.message}`
  }
}
