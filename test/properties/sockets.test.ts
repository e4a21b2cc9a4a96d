// Arbitrary requests over sockets: what arrives is what RFC 9110 says about a byte array.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseByteranges } from '../support/multipart.ts'
import { boundaryLength, judge, multipartLength, type Verdict } from '../support/oracle.ts'
import { field, type RawResponse } from '../support/raw.ts'
import { type Case, casesFor, lastModified } from './cases.ts'
import { servers, verbs } from './servers.ts'
import { contentOf } from './ways.ts'

const connections = 4
const requestsEach = 6
const runs = 60
let checked = 0

/** How often each kind of response occurred. */
type Tally = Record<'whole' | 'one' | 'several' | 'unsatisfiable', number>

function check(asked: Case, response: RawResponse, tally: Tally): void {
  const { length, method, type, etag } = asked
  const content = contentOf(asked)
  const isVerb = verbs.includes(asked.way)
  const question = {
    ...asked,
    lastModified,
    ascending: asked.way.includes('one-pass'),
    maxResponse: isVerb ? asked.maxResponse : undefined,
  }
  const verdict = judge(question)
  expect(response.status).toBe(verdict.status)
  const contentRange = field(response, 'Content-Range')
  const contentLength = Number(field(response, 'Content-Length'))
  expect(field(response, 'Accept-Ranges')).toBe('bytes')
  expect(response.content.length).toBeLessThanOrEqual(length)
  if (method === 'HEAD') {
    expect(contentLength).toBe(length)
    expect(response.content).toHaveLength(0)
    return
  }
  expect(contentLength).toBe(response.content.length)
  if (verdict.status === 416) {
    tally.unsatisfiable++
    expect(contentRange).toBe(`bytes */${length}`)
    expect(response.content).toHaveLength(0)
    return
  }
  const isFile = asked.way === 'a body that is a file stream'
  // A weak tag of a file stream gives way to the strong one of its file.
  if (isFile && etag.startsWith('W/')) expect(field(response, 'ETag')).toMatch(/^"/)
  else expect(field(response, 'ETag')).toBe(etag)
  if (verdict.status === 200) {
    tally.whole++
    expect(contentRange).toBeUndefined()
    expect(response.content.equals(content)).toBe(true)
    return
  }
  const { ranges } = verdict as Extract<Verdict, { status: 206 }>
  const [firstPos, lastPos] = ranges[0]!
  if (ranges.length === 1) {
    tally.one++
    expect(contentRange).toBe(`bytes ${firstPos}-${lastPos}/${length}`)
    expect(field(response, 'Content-Type')).toBe(type)
    expect(response.content.equals(content.subarray(firstPos, lastPos + 1))).toBe(true)
    return
  }
  tally.several++
  expect(contentRange).toBeUndefined()
  const contentType = field(response, 'Content-Type')!
  expect(contentType).toMatch(new RegExp(`; boundary=[0-9a-z]{${boundaryLength}}$`))
  const parts = parseByteranges(contentType, response.content)
  expect(parts.map((part) => [part.firstPos, part.lastPos])).toEqual(ranges)
  for (const part of parts) {
    expect(part.type).toBe(type)
    expect(part.contentRange).toBe(`bytes ${part.firstPos}-${part.lastPos}/${length}`)
    expect(part.content.equals(content.subarray(part.firstPos, part.lastPos + 1))).toBe(true)
  }
  expect(contentLength).toBe(multipartLength(question, ranges))
}

describe('what arrives is what RFC 9110 says about a byte array', () => {
  it.each(servers.map((server) => [server.name, server] as const))(
    'by %s, whatever is requested',
    { timeout: 60_000 },
    async (_name, { ways, start, ask, adapt = (asked) => asked }) => {
      const running = await start()
      const asking = fc.array(
        fc.array(casesFor(ways).map(adapt), { minLength: requestsEach, maxLength: requestsEach }),
        { minLength: connections, maxLength: connections },
      )
      const tally: Tally = { whole: 0, one: 0, several: 0, unsatisfiable: 0 }
      try {
        await fc.assert(
          fc.asyncProperty(asking, async (asked) => {
            const responses = await ask(running.port, asked)
            for (const [i, onOne] of asked.entries()) {
              checked += onOne.length
              for (const [j, each] of onOne.entries()) check(each, responses[i]![j]!, tally)
            }
          }),
          // A failure is shrunk for a while, and reported with its seed, rather than by a timeout.
          { numRuns: runs, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true },
        )
      } finally {
        await running.close()
      }
      // A property says nothing about a kind that never occurred.
      for (const [kind, times] of Object.entries(tally)) expect(times, kind).toBeGreaterThan(10)
    },
  )

  it('is checked for all of the requests, more than five thousand', () => {
    expect(checked).toBe(servers.length * runs * connections * requestsEach)
    expect(checked).toBeGreaterThan(5000)
  })
})
