import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseByteranges } from '../support/multipart.ts'
import { exchangeHttp2 } from '../support/http2.ts'
import { exchange, field, type RawResponse } from '../support/raw.ts'
import { type Expectation, representation, requirements } from './requirements.ts'
import { bytes, servers, type TestServer } from './servers.ts'

describe.each(servers.map((server) => [server.name, server] as const))('%s', (_name, server) => {
  const exchangeWith = server.http2 === true ? exchangeHttp2 : exchange
  let running: Awaited<ReturnType<TestServer['start']>>
  beforeAll(async () => {
    running = await server.start()
  })
  afterAll(() => running.close())

  for (const { id, level, section, says, request, expect: expected } of requirements) {
    const title = `${id}: ${level} ${says} (§${section})`
    const reason = server.otherwise[id]
    it.skipIf(reason !== undefined)(reason ? `${title} [${reason}]` : title, async () => {
      const [response] = await exchangeWith(running.port, [request])
      check(response!, expected, server)
    })
  }

  const { sequential } = server
  const pipelining = 'responds to 15 requests sent at once on one connection'
  it.skipIf(sequential)(sequential ? `${pipelining} [${sequential}]` : pipelining, async () => {
    const requests = Array.from({ length: 15 }, (_, i) => ({
      headers: [['Range', `bytes=${i * 100}-${i * 100 + 9}`]] as const,
    }))
    const responses = await exchangeWith(running.port, requests)
    for (const [i, response] of responses.entries()) {
      expect(response.status).toBe(206)
      expect(response.content.equals(bytes.subarray(i * 100, i * 100 + 10))).toBe(true)
    }
  })

  if (server.http2 === true) return
  it('serves HTTP/1.0', async () => {
    const request = { version: '1.0', headers: [['Range', 'bytes=-5']] } as const
    const [response] = await exchange(running.port, [request])
    expect(response!.status).toBe(206)
    expect(response!.content.equals(bytes.subarray(-5))).toBe(true)
  })
})

function check(response: RawResponse, expected: Expectation, { ascending }: TestServer): void {
  expect(response.status).toBe(expected.status)
  for (const [name, value] of Object.entries(expected.fields ?? {})) {
    if (value === null) expect(field(response, name), name).toBeUndefined()
    else if (typeof value === 'string') expect(field(response, name), name).toBe(value)
    else expect(field(response, name), name).toMatch(value)
  }
  const { content } = expected
  if (content === 'none') {
    expect(response.content.length).toBe(0)
  } else if (content === 'whole') {
    expect(response.content.equals(bytes)).toBe(true)
  } else if (content.length === 1) {
    const [[firstPos, lastPos]] = content as [[number, number]]
    expect(response.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
  } else {
    checkParts(response, ascending ? content.toSorted(([a], [b]) => a - b) : content)
  }
}

function checkParts(response: RawResponse, ranges: readonly (readonly [number, number])[]): void {
  const parts = parseByteranges(field(response, 'Content-Type') ?? '', response.content)
  expect(parts.map(({ firstPos, lastPos }) => [firstPos, lastPos])).toEqual(ranges)
  for (const { type, contentRange, firstPos, lastPos, content } of parts) {
    expect(type).toBe(representation.type)
    expect(contentRange).toBe(`bytes ${firstPos}-${lastPos}/${bytes.length}`)
    expect(content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
  }
}
