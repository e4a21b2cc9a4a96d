// undici's RetryAgent, which resumes a transfer that was cut; and a player that probes and jumps.

import net from 'node:net'
import path from 'node:path'
import { Agent, fetch, RetryAgent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'

const folder = temporaryFolder()
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

/** Passes connections on to a port, and cuts the first few after so many bytes of answer. */
async function cuttingProxy(
  port: number,
  cuts: number,
  after: number,
): Promise<{ port: number; requests: string[]; close(): void }> {
  const requests: string[] = []
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1')
    let passed = 0
    const limit = cuts-- > 0 ? after : Infinity
    client.on('data', (chunk) => {
      requests.push(chunk.toString('latin1'))
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (passed > limit) return
      passed += chunk.length
      client.write(passed > limit ? chunk.subarray(0, chunk.length - (passed - limit)) : chunk)
      if (passed > limit) {
        upstream.destroy()
        // What was written goes out, and then the line is dead.
        setTimeout(() => client.resetAndDestroy(), 20)
      }
    })
    upstream.on('end', () => client.end())
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    requests,
    close: () => void server.close(),
  }
}

describe.each(frameworks)('undici and %s', (_name, start) => {
  let running: Sent
  afterEach(() => running.close())

  it('resumes a transfer that is cut twice', async () => {
    running = await start(() => filePath)
    const proxy = await cuttingProxy(running.port, 2, 1_000_000)
    const agent = new RetryAgent(new Agent({ pipelining: 0 }), {
      minTimeout: 1,
      maxRetries: 5,
      // What undici calls a line that died in the middle, which it does not retry by itself.
      errorCodes: ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_SOCKET', 'ECONNRESET'],
    })
    try {
      const response = await fetch(`http://127.0.0.1:${proxy.port}/`, { dispatcher: agent })
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
      const resumed = proxy.requests.filter((request) => /^range: bytes=\d+-/im.test(request))
      expect(resumed.length).toBe(2)
      for (const request of resumed) expect(request).toMatch(/^if-match: "/im)
    } finally {
      proxy.close()
      await agent.close()
    }
  })

  it('serves a player that probes, jumps to the tail and plays on', async () => {
    running = await start(() => filePath)
    const url = `http://127.0.0.1:${running.port}/`
    const read = async (range: string) => {
      const response = await fetch(url, { headers: { Range: `bytes=${range}` } })
      expect(response.status).toBe(206)
      return Buffer.from(await response.arrayBuffer())
    }
    expect((await read('0-1')).equals(bytes.subarray(0, 2))).toBe(true)
    expect((await read('0-')).equals(bytes)).toBe(true)
    expect((await read('2900000-')).equals(bytes.subarray(2_900_000))).toBe(true)
    expect((await read('65536-131071')).equals(bytes.subarray(65_536, 131_072))).toBe(true)
  })
})
