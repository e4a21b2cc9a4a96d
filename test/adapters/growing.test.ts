// Files that are still being written, on every framework.

import fs from 'node:fs'
import path from 'node:path'
import { fromGrowing, type Source, toResponse } from '@range-serve/core'
import { afterEach, describe, expect, it } from 'vitest'
import { begin, download } from '../support/clients.ts'
import {
  openDescriptors,
  pattern,
  temporaryFolder,
  until,
  writeOldFile,
} from '../support/fixture.ts'
import { newest, startHttp2 } from '../support/frameworks.ts'
import type { Running } from '../support/listen.ts'
import { ask, field } from '../support/raw.ts'

const folder = temporaryFolder()
const bytes = pattern(300_000)
const farthest = Number.MAX_SAFE_INTEGER
let count = 0

/** A file that has some of the bytes so far. */
function begun(length: number): { file: string; append(to: number): void } {
  const file = path.join(folder, `growing-${++count}.bin`)
  let written = length
  fs.writeFileSync(file, bytes.subarray(0, length))
  const append = (to: number) => {
    fs.appendFileSync(file, bytes.subarray(written, to))
    written = to
  }
  return { file, append }
}

const open: Pick<Running, 'close'>[] = []
afterEach(() => Promise.all(open.splice(0).map((running) => running.close())))

describe.each([...newest, ['node:http2', startHttp2] as const])('%s', (name, start) => {
  it('follows a file to the end that its writer signals', async () => {
    const { file, append } = begun(100_000)
    const ended = new AbortController()
    const running = await start(() => fromGrowing(file, { until: ended.signal }))
    open.push(running)
    const following = begin(running.server, running.port)
    const rest = begin(running.server, running.port, { Range: `bytes=100000-${farthest}` })
    if (!name.startsWith('Koa')) await rest.head
    append(200_000)
    await Promise.all([following.head, rest.head])
    append(300_000)
    ended.abort()
    const whole = await following.rest()
    expect([whole.status, whole.complete]).toEqual([200, true])
    expect(whole.content.equals(bytes)).toBe(true)
    const part = await rest.rest()
    expect([part.status, part.complete]).toEqual([206, true])
    expect(part.content.equals(bytes.subarray(100_000))).toBe(true)
    await until('the transfers are over', () => running.transfers.length === 2)
    const ranges = running.transfers.map(({ ranges: [range] }) => range)
    expect(ranges).toContainEqual({ firstPos: 0, lastPos: 299_999 })
    expect(ranges).toContainEqual({ firstPos: 100_000, lastPos: 299_999 })
    for (const { bytesPlanned, bytesSent, aborted } of running.transfers) {
      expect([bytesPlanned, aborted]).toEqual([bytesSent, false])
    }
  })

  it('cuts a response off if the file becomes shorter, or its writer fails', async () => {
    const { file } = begun(100_000)
    let fail!: (error: Error) => void
    const writer = new Promise<void>((_, reject) => (fail = reject))
    const running = await start(() => fromGrowing(file, { until: writer }))
    open.push(running)
    const first = begin(running.server, running.port)
    await first.head
    fs.truncateSync(file, 10)
    expect((await first.rest()).complete).toBe(false)
    fs.writeFileSync(file, bytes.subarray(0, 100_000))
    const second = begin(running.server, running.port)
    await second.head
    fail(new Error('The camera is gone'))
    expect((await second.rest()).complete).toBe(false)
  })

  it('closes the file when the client disconnects', async () => {
    const { file } = begun(100_000)
    const running = await start(() => fromGrowing(file, { until: () => false }))
    open.push(running)
    const following = begin(running.server, running.port)
    await following.head
    following.leave()
    await until('the file is closed', () => openDescriptors(file) === 0)
    expect(running.transfers).toMatchObject([{ aborted: true }])
  })
})

describe('toResponse', () => {
  it('follows a file to its end', async () => {
    const { file, append } = begun(100_000)
    const ended = new AbortController()
    const source = fromGrowing(file, { until: ended.signal })
    const response = await toResponse(new Request('http://localhost/'), source)
    expect([response.status, response.headers.get('content-length')]).toEqual([200, null])
    const content = response.arrayBuffer()
    append(300_000)
    ended.abort()
    expect(Buffer.from(await content).equals(bytes)).toBe(true)
    await until('the file is closed', () => openDescriptors(file) === 0)
  })

  it('fails if the file becomes shorter', async () => {
    const { file } = begun(100_000)
    const source = fromGrowing(file, { until: () => false })
    const response = await toResponse(new Request('http://localhost/'), source)
    fs.truncateSync(file, 10)
    await expect(response.arrayBuffer()).rejects.toThrow()
  })
})

describe('fromGrowing', () => {
  it('has ranges of the bytes so far, without a complete length, and a weak tag', async () => {
    const { file, append } = begun(1000)
    const running = await newest[0]![1](() => fromGrowing(file))
    open.push(running)
    const read = (range: string) => ask(running.port, { headers: [['Range', `bytes=${range}`]] })
    const first = await read('900-')
    expect(field(first, 'Content-Range')).toBe('bytes 900-999/*')
    expect(field(first, 'ETag')).toMatch(/^W\/"/)
    expect(first.content.equals(bytes.subarray(900, 1000))).toBe(true)
    append(1500)
    const next = await read('1000-1999')
    expect(field(next, 'Content-Range')).toBe('bytes 1000-1499/*')
    expect(field(next, 'ETag')).not.toBe(field(first, 'ETag'))
  })

  const complete: [what: string, options: () => Parameters<typeof fromGrowing>[1]][] = [
    ['a signal has aborted', () => ({ until: AbortSignal.abort() })],
    ['a promise has resolved', () => ({ until: Promise.resolve() })],
    ['a function returns true', () => ({ until: () => true })],
    ['a function resolves to true', () => ({ until: async () => true })],
    ['it has been idle', () => ({ maxIdle: 1000 })],
  ]
  it.each(complete)('is like any other file once %s', async (_, options) => {
    const { file } = begun(1000)
    writeOldFile(file, bytes.subarray(0, 1000), new Date('2025-01-01T10:00:00Z'))
    const source: Source = await fromGrowing(file, options())
    expect(source.isGrowing).toBeUndefined()
    expect(source.etag).toMatch(/^"/)
    await source.close?.()
  })

  it('ends by itself when nothing is written for a time', async () => {
    const { file } = begun(1000)
    const running = await newest[0]![1](() => fromGrowing(file, { maxIdle: 150 }))
    open.push(running)
    const { content, complete: isComplete } = await download(running.port)
    expect([content.equals(bytes.subarray(0, 1000)), isComplete]).toEqual([true, true])
  })

  it.each<[what: string, file: string, options: object]>([
    ['a relative path', 'live.ts', {}],
    ['an until of another type', '/srv/live.ts', { until: 5 }],
    ['a negative idle time', '/srv/live.ts', { maxIdle: -1 }],
    ['an etag without quotes', '/srv/live.ts', { etag: 'v1' }],
  ])('throws at the call for %s', (_, file, options) => {
    expect(() => fromGrowing(file, options)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }),
    )
  })

  it('rejects for a file that does not exist', async () => {
    await expect(fromGrowing(path.join(folder, 'missing'))).rejects.toMatchObject({ status: 404 })
  })
})
