// A diagnosis: the requests in their order, and what is made of the responses.

import { parseContentRange } from './byteranges.ts'
import { CannotCheck, messageOf } from './cannot-check.ts'
import { check, type Checked, inapplicable } from './checks.ts'
import { takeCredentials } from './credentials.ts'
import { Budget, type ClientOptions, type Transport } from './client.ts'
import { describe } from './judge.ts'
import { follow } from './follow.ts'
import { Http2Client } from './http2-client.ts'
import { KnownBytes } from './known-bytes.ts'
import {
  adviseOn,
  compareResponses,
  type Observation,
  observeCors,
  observeEncoding,
} from './observations.ts'
import type { Report } from './report.ts'
import { contentLength, field, type Reply } from './reply.ts'
import type { Representation } from './requirements/requirement.ts'
import { requirementsFor } from './requirements/table.ts'
import { summarize } from './summarize.ts'
import { topics } from './topics.ts'

/** How a URL is checked. */
export interface DiagnoseOptions {
  /** Fields that each request has, unless it is redirected to another origin. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** For each request, in milliseconds. Default: 10,000. */
  readonly timeout?: number
  /** Whether a certificate that cannot be verified is reported, and the rest checked all the same. */
  readonly insecure?: boolean
}

/** The most requests that a diagnosis sends. */
const maxRequests = 60

/** What is checked over HTTP/2 as well. */
const overHttp2 = ['range-first', 'range-final', 'unsatisfiable', 'inm-match']

/**
 * Checks how a URL responds to range and conditional requests. Sends only GET and HEAD, at most 60 of
 * them, one at a time, and reads at most 16 KiB of each response.
 *
 * Rejects with a `CannotCheck` (`ERR_CANNOT_CHECK`) if there is no 200 to start from.
 */
export async function diagnose(url: string | URL, options: DiagnoseOptions = {}): Promise<Report> {
  const { url: start, headers } = takeCredentials(url)
  const settings: ClientOptions = {
    headers: [...headers, ...(options.headers ?? [])],
    timeout: options.timeout ?? 10_000,
    insecure: options.insecure ?? false,
  }
  const budget = new Budget(maxRequests)
  const reached = await follow(start, settings, budget)
  const { client, first } = reached
  let http2: Http2Client | undefined
  try {
    const part = await client.send({ headers: [['Range', 'bytes=0-0']] })
    const { representation, supportsRanges } = survey(first, part)
    const known = new KnownBytes(first.content)
    const observations: Observation[] = [
      ...compareResponses(first, part),
      ...adviseOn(first, representation),
    ]
    if (!supportsRanges) {
      observations.push({ topic: 'ranges', severity: 'wrong', evidence: `Range: bytes=0-0 yields ${describe(part)}` }) // prettier-ignore
    }
    const isStable = !observations.some(({ topic }) => topic === 'stability')
    const checks = await checkAll(client, isStable ? representation : { length: representation.length }, supportsRanges, known) // prettier-ignore
    observations.push(
      ...(await observeEncoding(client, first, representation.length, supportsRanges)),
    )
    const cors = supportsRanges && !client.isDown ? await observeCors(client) : undefined
    observations.push(...(cors ?? []))
    http2 = await Http2Client.connect(reached.url, reached.options, budget)
    if (http2) observations.push(...(await compareHttp2(http2, representation, checks, known)))
    if (settings.insecure) observations.push(...(await verifyCertificate(reached.url, settings)))
    return summarize({ reached, representation, checks, observations, budget, speaksHttp2: http2 !== undefined, isShared: cors !== undefined }) // prettier-ignore
  } finally {
    client.close()
    http2?.close()
  }
}

/** What the first two responses tell. */
function survey(
  first: Reply,
  part: Reply,
): { representation: Representation; supportsRanges: boolean } {
  const range = parseContentRange(field(part, 'Content-Range'))
  const length = contentLength(first) ?? range?.completeLength ?? (first.isComplete ? first.content.length : undefined) // prettier-ignore
  if (length === undefined) {
    throw new CannotCheck('declares no length, and sends no ranges: nothing can be resumed or sought in') // prettier-ignore
  }
  if (length === 0) throw new CannotCheck('sends no content: give a URL with at least 10,000 bytes')
  const modified = new Date(field(first, 'Last-Modified') ?? '')
  const lastModified = Number.isNaN(modified.getTime()) ? undefined : modified
  return {
    representation: { length, etag: field(first, 'ETag'), lastModified },
    supportsRanges: part.status === 206,
  }
}

async function checkAll(
  client: Transport,
  representation: Representation,
  supportsRanges: boolean,
  known: KnownBytes,
): Promise<ReadonlyMap<string, Checked>> {
  const requirements = requirementsFor(representation)
  const checks = new Map<string, Checked>()
  for (const { rows } of Object.values(topics)) {
    for (const requirement of requirements.filter(({ id }) => rows.includes(id))) {
      const { id, level, section, says } = requirement
      const why = client.isDown
        ? 'the server accepts no more connections'
        : inapplicable(requirement, representation, supportsRanges)
      checks.set(
        id,
        why === undefined
          ? await check(requirement, client, representation.length, known)
          : { id, level, section, says, outcome: 'not checked', why },
      )
    }
  }
  return checks
}

/** What HTTP/2 yields that HTTP/1.1 does not. */
async function compareHttp2(
  client: Transport,
  representation: Representation,
  checks: ReadonlyMap<string, Checked>,
  known: KnownBytes,
): Promise<readonly Observation[]> {
  const found: Observation[] = []
  for (const requirement of requirementsFor(representation)) {
    if (!overHttp2.includes(requirement.id) || checks.get(requirement.id)?.outcome !== 'met')
      continue
    const { outcome, why } = await check(requirement, client, representation.length, known)
    if (outcome === 'unmet') found.push({ topic: 'http2', severity: 'wrong', evidence: why! })
  }
  return found
}

/** What is said of the certificate if it had been verified. */
async function verifyCertificate(
  url: URL,
  settings: ClientOptions,
): Promise<readonly Observation[]> {
  if (url.protocol !== 'https:') return []
  try {
    await follow(url, { ...settings, insecure: false }, new Budget(1)).then(({ client }) =>
      client.close(),
    )
    return []
  } catch (error) {
    return [{ topic: 'certificate', severity: 'wrong', evidence: `The server ${messageOf(error)}` }] // prettier-ignore
  }
}
