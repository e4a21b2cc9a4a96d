// A downloader that reads parts concurrently over connections that are cut at random, and starts
// again if the file was replaced: it ends with one file, never with pieces of two.

import fs from 'node:fs'
import path from 'node:path'
import { Agent, fetch } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import {
  openDescriptors,
  pattern,
  temporaryFolder,
  until,
  writeOldFile,
} from '../../support/fixture.ts'
import { frameworks, type Sent } from '../../support/frameworks.ts'
import {
  type Cut,
  type Exchange,
  misplaced,
  record,
  type Recorder,
} from '../../support/recorder.ts'

const folder = temporaryFolder()
const modified = new Date('2025-01-01T10:00:00Z')
const bytes = pattern(6_000_000)
const others = Buffer.from(bytes.map((byte) => 255 - byte))

class Replaced extends Error {}

class Downloader {
  readonly #url: string
  readonly #agent = new Agent({ pipelining: 0 })
  /** How often it started. */
  attempts = 0

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/`
  }

  async download(): Promise<Buffer> {
    while (this.attempts < 20) {
      this.attempts++
      try {
        return await this.#attempt()
      } catch (error) {
        if (!(error instanceof Replaced)) throw error
      }
    }
    throw new Error('It never came to an end')
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async #attempt(): Promise<Buffer> {
    const { headers } = await fetch(this.#url, { method: 'HEAD', dispatcher: this.#agent })
    const etag = headers.get('ETag')!
    const target = Buffer.alloc(Number(headers.get('Content-Length')))
    // Parts without a strong validator cannot be combined.
    const partSize = etag.startsWith('W/') ? target.length : 400_000
    const starts = Array.from(
      { length: Math.ceil(target.length / partSize) },
      (_, i) => i * partSize,
    )
    const worker = async () => {
      for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
        await this.#part(etag, target.subarray(start, start + partSize), start)
      }
    }
    await Promise.all(Array.from({ length: 5 }, worker))
    return target
  }

  /** Fills a part of the file, by as many requests as it takes. */
  async #part(etag: string, part: Buffer, start: number): Promise<void> {
    let filled = 0
    for (let i = 0; i < 50 && filled < part.length; i++) {
      const range = `bytes=${start + filled}-${start + part.length - 1}`
      const fields = { Range: range, 'If-Range': etag }
      const { status, headers, body } = await fetch(this.#url, {
        headers: etag.startsWith('W/') ? {} : fields,
        dispatcher: this.#agent,
      })
      if (headers.get('ETag') !== etag) {
        await body?.cancel()
        throw new Replaced()
      }
      if (status === 200) filled = 0
      try {
        for await (const chunk of body!) filled += Buffer.from(chunk).copy(part, filled)
      } catch {
        // The connection was cut. The bytes so far are kept.
      }
    }
  }
}

/** Cuts every other response at a pseudo-random place, a bounded number of times. */
function cutAtRandom(seed: number): Cut {
  let state = seed
  let left = 30
  const random = () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff
  return ({ fields }) => {
    if (random() < 0.5 || left-- <= 0) return undefined
    return Math.floor(random() * Number(fields.get('content-length')))
  }
}

describe.each(frameworks)('a parallel downloader and %s', (name, start) => {
  let running: Sent
  let recorder: Recorder
  let downloader: Downloader
  afterEach(async () => {
    await downloader.close()
    await recorder.close()
    await running.close()
  })

  async function begin(filePath: string, cut: Cut) {
    writeOldFile(filePath, bytes, modified)
    running = await start(() => filePath)
    recorder = await record(running.port, cut)
    downloader = new Downloader(recorder.port)
  }

  it.each([1, 2])('end with the full file (%i)', async (seed) => {
    const filePath = path.join(folder, `${name}-${seed}`)
    await begin(filePath, cutAtRandom(seed))
    expect((await downloader.download()).equals(bytes)).toBe(true)
    expect(downloader.attempts).toBe(1)
    const [, ...parts] = recorder.exchanges
    // Fifteen parts, and one more request for each cut connection.
    expect(parts.length).toBeGreaterThan(20)
    expect(parts.map(({ status }) => status)).toEqual(parts.map(() => 206))
    expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    expect(recorder.mostConnections).toBeGreaterThan(3)
    await until('the file is closed', () => openDescriptors(filePath) === 0)
  })

  const replacements: [what: string, replace: (filePath: string) => void][] = [
    ['replaced by an old one', (file) => writeOldFile(file, others, new Date(+modified + 1000))],
    ['replaced by a new one', (file) => fs.writeFileSync(file, others)],
  ]
  it.each(replacements)('start again if the file is %s', async (what, replace) => {
    const filePath = path.join(folder, `${name}-${what}`)
    const cut = cutAtRandom(4)
    let responses = 0
    await begin(filePath, (exchange) => {
      if (++responses === 10) {
        replace(`${filePath}~`)
        fs.renameSync(`${filePath}~`, filePath)
      }
      return cut(exchange)
    })
    expect((await downloader.download()).equals(others)).toBe(true)
    expect(downloader.attempts).toBeGreaterThan(1)
    // A request for a part of the first file got the full second file once that was there.
    const { exchanges } = recorder
    const isRefused = ({ asked, status }: Exchange) => asked.has('if-range') && status === 200
    expect(exchanges.filter(isRefused).length).toBeGreaterThan(0)
    const etag = exchanges[0]!.fields.get('etag')
    const isFirst = ({ fields }: Exchange) => fields.get('etag') === etag
    expect(misplaced(exchanges.filter(isFirst), bytes)).toEqual([])
    const isOther = (exchange: Exchange) => !isFirst(exchange)
    expect(misplaced(exchanges.filter(isOther), others)).toEqual([])
  })
})
