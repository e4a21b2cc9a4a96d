import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchangeHttp2 } from '../support/http2.ts'
import { exchange } from '../support/raw.ts'
import { check } from './check.ts'
import { requirements } from './requirements.ts'
import type { TestServer } from './server.ts'
import { servers } from './servers.ts'
import { bytes } from './sources.ts'

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
