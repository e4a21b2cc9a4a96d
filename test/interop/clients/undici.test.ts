// undici's RetryAgent, which resumes a transfer that was cut; and a player that probes and jumps.

import path from 'node:path'
import { Agent, fetch, RetryAgent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { frameworks, type Sent } from '../../support/frameworks.ts'
import { firstOnes, misplaced, record } from '../../support/recorder.ts'

const folder = temporaryFolder()
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

describe.each(frameworks)('undici and %s', (_name, start) => {
  let running: Sent
  afterEach(() => running.close())

  it('resumes a transfer that is cut twice', async () => {
    running = await start(() => filePath)
    const recorder = await record(running.port, firstOnes(2, 1_000_000))
    const agent = new RetryAgent(new Agent({ pipelining: 0 }), {
      minTimeout: 1,
      maxRetries: 5,
      // undici's error for a cut connection, which it does not retry by default.
      errorCodes: ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_SOCKET', 'ECONNRESET'],
    })
    try {
      const response = await fetch(`http://127.0.0.1:${recorder.port}/`, { dispatcher: agent })
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
      const etag = recorder.exchanges[0]!.fields.get('etag')
      const resumed = recorder.exchanges.map(({ asked }) => [asked.get('range'), asked.get('if-match')]) // prettier-ignore
      expect(resumed).toEqual([
        [undefined, undefined],
        ['bytes=1000000-2999999', etag],
        ['bytes=2000000-2999999', etag],
      ])
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    } finally {
      await agent.close()
      await recorder.close()
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
