// The option pace, on every framework and for every kind of source.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import path from 'node:path'
import { fromReader, rangeStatic, type Servable, toResponse } from '@range-serve/core'
import { toResponse as toResponseOfBytes } from '@range-serve/core/fetch'
import { afterEach, expect, it } from 'vitest'
import { begin } from '../support/clients.ts'
import { pattern, temporaryFolder, until } from '../support/fixture.ts'
import { frameworks, startHttp2 } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'

const folder = temporaryFolder()
const bytes = pattern(200_000)
const file = path.join(folder, 'file.bin')
fs.writeFileSync(file, bytes)
const pace = { bytesPerSecond: 400_000, burst: 40_000 }

const open: Pick<Running, 'close'>[] = []
afterEach(() => Promise.all(open.splice(0).map((running) => running.close())))

const sources: [name: string, make: () => Servable][] = [
  ['a file', () => file],
  ['bytes', () => bytes],
  [
    'a reader',
    () =>
      fromReader({
        length: bytes.length,
        read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
      }),
  ],
]

interface Received {
  readonly content: Buffer
  /** How far, at most, the bytes received were ahead of the pace. */
  readonly excess: number
  readonly ms: number
}

/** Reads a response, and compares the time of each chunk with the pace. */
function read(server: Running): Promise<Received> {
  const startedAt = performance.now()
  const chunks: Buffer[] = []
  let total = 0
  let excess = -Infinity
  const take = (chunk: Buffer) => {
    chunks.push(chunk)
    total += chunk.length
    const allowed = pace.burst + ((performance.now() - startedAt) * pace.bytesPerSecond) / 1000
    excess = Math.max(excess, total - allowed)
  }
  return new Promise((resolve, reject) => {
    const end = () =>
      resolve({ content: Buffer.concat(chunks), excess, ms: performance.now() - startedAt })
    if (server.server instanceof http.Server) {
      const request = http.get({ host: '127.0.0.1', port: server.port, path: '/file.bin' })
      request.on('error', reject)
      request.on('response', (response) => response.on('data', take).on('end', end))
      return
    }
    const session = http2.connect(`http://127.0.0.1:${server.port}`)
    const stream = session.request({ ':path': '/file.bin' })
    session.on('error', reject)
    stream.on('data', take).on('end', () => {
      session.close()
      end()
    })
  })
}

it('never sends faster than the pace: HTTP/1.1 and HTTP/2, all frameworks and sources', async () => {
  const starting = [...frameworks, ['node:http2', startHttp2] as const].flatMap(
    ([name, start]) =>
    sources.map(async ([kind, make]) => ({ name: `${name}, ${kind}`, on: await start(make, { pace }) })), // prettier-ignore
  )
  const running = await Promise.all(starting)
  const media = rangeStatic(folder, { pace })
  const mount = await listen(http.createServer((...args) => void media(...args)))
  const all = [...running, { name: 'rangeStatic', on: mount }]
  open.push(...all.map(({ on }) => on))
  const received = await Promise.all(all.map(({ on }) => read(on)))
  const leastMs = ((bytes.length - pace.burst) / pace.bytesPerSecond) * 1000
  for (const [i, { content, excess, ms }] of received.entries()) {
    expect(content.equals(bytes), all[i]!.name).toBe(true)
    expect(excess, all[i]!.name).toBeLessThanOrEqual(0)
    expect(ms, all[i]!.name).toBeGreaterThanOrEqual(leastMs * 0.9)
  }
})

it.each([...frameworks, ['node:http2', startHttp2] as const])(
  'sends up to a burst at once, and ends when the client leaves: %s',
  async (_, start) => {
    const running = await start(() => file, { pace: { bytesPerSecond: 1000, burst: 200_000 } })
    open.push(running)
    const whole = await begin(running.server, running.port).rest()
    expect(whole.content.equals(bytes)).toBe(true)
    const slow = await start(() => file, { pace: { bytesPerSecond: 1000, burst: 1000 } })
    open.push(slow)
    const left = begin(slow.server, slow.port)
    await left.head
    left.leave()
    await until('the transfer is over', () => slow.transfers.length === 1)
    expect(slow.transfers[0]).toMatchObject({ aborted: true })
    expect(slow.transfers[0]!.bytesSent).toBeLessThan(10_000)
  },
)

it('applies to toResponse too', async () => {
  const request = new Request('http://localhost/')
  const responses = [
    await toResponse(request, file, { pace }),
    await toResponse(request, bytes, { pace }),
    await toResponseOfBytes(request, bytes, { pace }),
  ]
  const startedAt = performance.now()
  const contents = await Promise.all(responses.map((response) => response.arrayBuffer()))
  // The first piece had been read before.
  const leastMs = ((bytes.length - pace.burst) / pace.bytesPerSecond) * 1000
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leastMs * 0.8)
  for (const content of contents) expect(Buffer.from(content).equals(bytes)).toBe(true)
})
