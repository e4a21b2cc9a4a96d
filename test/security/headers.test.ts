// Expensive header fields: CPU, bytes and memory stay in proportion to the request.

import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { planResponse, serve } from '@range-serve/core'
import { bytes, size } from '../support/files.ts'
import { frameworks } from '../support/frameworks.ts'
import { listen } from '../support/listen.ts'
import { ask, field } from '../support/raw.ts'

/** As many elements as fill a length, joined by commas. */
function list(length: number, element: (index: number) => string): string {
  const elements: string[] = []
  for (let total = 0; total < length; total += elements.at(-1)!.length + 1) {
    elements.push(element(elements.length))
  }
  return elements.join(',')
}

/** The elements of a list in a random order, the same each time. */
function shuffled(text: string): string {
  const elements = text.split(',')
  let state = 1
  for (let i = elements.length - 1; i > 0; i--) {
    state = (state * 48_271) % 2_147_483_647
    const j = state % (i + 1)
    ;[elements[i], elements[j]] = [elements[j]!, elements[i]!]
  }
  return elements.join(',')
}

const apart = (length: number): string => list(length, (i) => `${2 * i}-${2 * i}`)
const far = (length: number): string => list(length, (i) => `${1000 * i}-${1000 * i}`)

type Row = [
  what: string,
  name: 'Range' | 'If-Range' | 'If-Match' | 'If-None-Match' | 'If-Modified-Since',
  value: (length: number) => string,
  status: number,
]
const rows: Row[] = [
  // CVE-2011-3192: Apache made a bucket for each of 1,300 ranges.
  ['overlapping ranges, as in the attack on Apache', 'Range', (n) => `bytes=0-,${list(n, (i) => `5-${i}`)}`, 200],
  ['overlapping ranges in order', 'Range', (n) => `bytes=${list(n, (i) => `${i % 4000}-`)}`, 206],
  ['ranges around one another', 'Range', (n) => `bytes=${list(n, (i) => `${i % 2000}-${4000 - (i % 2000)}`)}`, 206],
  ['one range, over and over', 'Range', (n) => `bytes=${list(n, () => '0-0')}`, 206],
  ['suffixes', 'Range', (n) => `bytes=${list(n, (i) => `-${1 + (i % 5000)}`)}`, 206],
  // CVE-2025-62727: Starlette compared each range with all earlier ones.
  ['ranges of every other byte', 'Range', (n) => `bytes=${apart(n)}`, 206],
  ['the same, reversed', 'Range', (n) => `bytes=${apart(n).split(',').toReversed().join(',')}`, 206],
  ['the same, shuffled', 'Range', (n) => `bytes=${shuffled(apart(n))}`, 206],
  ['ranges too far apart to join', 'Range', (n) => `bytes=${far(n)}`, 200],
  ['the same ones, shuffled', 'Range', (n) => `bytes=${shuffled(far(n))}`, 200],
  ['ranges beyond the end', 'Range', (n) => `bytes=${list(n, (i) => `${9e15 - i}-`)}`, 416],
  ['suffixes of nothing', 'Range', (n) => `bytes=${list(n, () => '-0')}`, 416],
  ['an invalid range after many', 'Range', (n) => `bytes=${list(n, () => '0-')},x`, 200],
  ['commas', 'Range', (n) => `bytes=${','.repeat(n)}`, 200],
  ['spaces', 'Range', (n) => `bytes=0-0,${' '.repeat(n)}x`, 200],
  ['zeros', 'Range', (n) => `bytes=${'0'.repeat(n)}-${'0'.repeat(n)}`, 206],
  ['nines', 'Range', (n) => `bytes=0-${'9'.repeat(n)}`, 206],
  ['entity-tags', 'If-None-Match', (n) => list(n, (i) => `"${i}"`), 200],
  ['weak entity-tags', 'If-None-Match', (n) => list(n, (i) => ` W/"${i}"`), 200],
  ['quotes', 'If-None-Match', (n) => '"'.repeat(n | 1), 200],
  ['unclosed quotes', 'If-None-Match', (n) => list(n, () => '"a'), 200],
  ['an entity-tag that never ends', 'If-None-Match', (n) => `"${'a'.repeat(n)}`, 200],
  ['commas', 'If-None-Match', (n) => `${','.repeat(n)}x`, 200],
  ['spaces', 'If-None-Match', (n) => `"a"${' '.repeat(n)}x`, 200],
  ['entity-tags', 'If-Match', (n) => list(n, (i) => `"${i}"`), 412],
  ['spaces', 'If-Range', (n) => `"v1${' '.repeat(n)}x`, 200],
  ['a date and more of it', 'If-Modified-Since', (n) => `Wed, 01 Jan 2025 10:00:00 ${'GMT '.repeat(n / 4)}x`, 200],
] // prettier-ignore

const large = { length: 2 ** 40, etag: '"v1"', lastModified: new Date('2025-01-01T10:00:00Z') }
function plan(
  [, name, value]: Row,
  length: number,
): () => { status: number; body: readonly unknown[] } {
  const headers = {
    ...(name === 'If-Range' ? { range: 'bytes=0-0' } : {}),
    [name.toLowerCase()]: value(length),
  }
  return () => planResponse({ headers }, large)
}

/** The least CPU time of several runs, in milliseconds: other processes only add to it. */
function leastCpu(times: number, work: () => void): number {
  let least = Infinity
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

describe('a decision', () => {
  it.each(rows)(
    'takes time in proportion to the number of %s in %s',
    { timeout: 60_000 },
    (...row) => {
      const half = plan(row, 512 * 1024)
      const whole = plan(row, 1024 * 1024)
      expect(half().status).toBe(row[3])
      expect(half().body.length).toBeLessThan(250)
      // A garbage collection may fall into any of them, but not into each; a busy machine gets
      // five attempts.
      let [least, most] = [0, 0]
      for (let go = 0; go < 5; go++) {
        least = leastCpu(3, half)
        most = leastCpu(3, whole)
        if (most < 2.6 * least + 4) break
      }
      expect(most).toBeLessThan(2.6 * least + 4)
      expect(most).toBeLessThan(3000)
    },
  )

  it('on a million slices takes at most a few seconds', () => {
    const slices = Array.from({ length: 1_000_000 }, (_, i) => `${1000 * i}-${1000 * i}`)
    const headers = { range: `bytes=${slices.join(',')}` }
    const cpu = leastCpu(1, () => expect(planResponse({ headers }, large).status).toBe(200))
    expect(cpu).toBeLessThan(15_000)
    const near = { range: `bytes=${slices.map((_, i) => `${2 * i}-${2 * i}`).join(',')}` }
    expect(planResponse({ headers: near }, large).body).toEqual([
      { firstPos: 0, lastPos: 1_999_998 },
    ])
  })
})

describe.each(frameworks)('%s', (_name, start) => {
  it('responds to everything that a header section holds with no more than the full response', async () => {
    const running = await start(() => bytes)
    try {
      const asked = rows.map(async ([what, name, value]) => {
        const text = value(7 * 1024)
        const headers: [string, string][] = [[name, text]]
        if (name === 'If-Range') headers.push(['Range', 'bytes=0-0'])
        const response = await ask(running.port, { headers })
        expect([200, 206, 412, 416], what).toContain(response.status)
        expect(response.content.length, what).toBeLessThanOrEqual(size)
        expect(response.content.length, what).toBe(Number(field(response, 'Content-Length')))
      })
      await Promise.all(asked)
    } finally {
      await running.close()
    }
  })
})

describe('node:http with room for large header sections', () => {
  it.each([
    ['every other byte', '206', (i: number) => `${2 * i}-${2 * i}`],
    [
      'slices that are not joined',
      '200',
      (i: number) => `${4000 * (i % 1000)}-${4000 * (i % 1000)}`,
    ],
  ])(
    'responds to a million one-byte ranges: %s',
    { timeout: 60_000 },
    async (_what, status, spec) => {
      const content = Buffer.alloc(4_000_000, 1)
      const running = await listen(
        http.createServer({ maxHeaderSize: 64 * 1024 * 1024 }, (request, response) => {
          void serve(request, response, content)
        }),
      )
      try {
        const range = `bytes=${Array.from({ length: 1_000_000 }, (_, i) => spec(i)).join(',')}`
        const before = process.memoryUsage().rss
        const responding = new Promise<http.IncomingMessage>((resolve, reject) => {
          const options = { port: running.port, headers: { Range: range }, agent: false }
          http.get(options, resolve).on('error', reject)
        })
        const response = await responding
        let length = 0
        for await (const chunk of response) length += (chunk as Buffer).length
        expect(String(response.statusCode)).toBe(status)
        expect(length).toBe(Number(response.headers['content-length']))
        expect(length).toBeLessThanOrEqual(content.length)
        expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(1500)
      } finally {
        await running.close()
      }
    },
  )
})
