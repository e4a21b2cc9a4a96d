// The demo in use: `npm start`, its reports, and requests of other sites.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../support/raw.ts'
import {
  frameworks,
  type Demo,
  start,
  stop,
  type Media,
  follow,
  startProcess,
  root,
} from '../support/demo.ts'

const media = join(root, 'examples/media-server/media')

describe.each(frameworks)('The demo on %s', (_name, options) => {
  let demo: Demo

  beforeAll(async () => {
    demo = await start(options)
  })

  afterAll(() => stop(demo))

  test('lists its files', async () => {
    const { files, ...rest } = (await (await fetch(`${demo.url}api/media`)).json()) as Media
    expect(rest).toEqual({ folder: media, total: 4, deeper: 0 })
    expect(files.map(({ name, type }) => [name, type])).toEqual([
      ['byte-ranges.pdf', 'application/pdf'],
      ['dive.mp4', 'video/mp4'],
      ['dive.webm', 'video/webm'],
      ['plucked.mp3', 'audio/mpeg'],
    ])
    for (const { url, size } of files) {
      const response = await fetch(new URL(url, demo.url), { method: 'HEAD' })
      expect(response.status).toBe(200)
      expect(response.headers.get('accept-ranges')).toBe('bytes')
      expect(Number(response.headers.get('content-length'))).toBe(size)
    }
  })

  test('reports a range as it begins and when it is over', async () => {
    const events = await follow(demo)
    const response = await fetch(`${demo.url}media/dive.mp4`, {
      headers: { Range: 'bytes=100-599999' },
    })
    expect(response.status).toBe(206)
    expect((await response.arrayBuffer()).byteLength).toBe(599_900)
    const [ended] = await events.until((all) => all.length === 1)
    expect(ended).toMatchObject({
      url: '/media/dive.mp4',
      status: 206,
      ranges: [{ firstPos: 100, lastPos: 599_999 }],
      bytesPlanned: 599_900,
      bytesSent: 599_900,
      aborted: false,
    })
    expect(events.names[0]).toBe('start')
    events.close()
  })

  test('counts the bytes that a client got before it left', async () => {
    await fetch(`${demo.url}api/line/slow`, { method: 'POST' })
    const events = await follow(demo)
    const aborter = new AbortController()
    const { body } = await fetch(`${demo.url}media/dive.mp4`, { signal: aborter.signal })
    let received = 0
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      received += chunk.length
      if (received >= 60_000) break
    }
    aborter.abort()
    const [ended] = await events.until((all) => all.length === 1)
    events.close()
    await fetch(`${demo.url}api/line/fast`, { method: 'POST' })
    expect(ended).toMatchObject({ aborted: true, failed: false })
    expect(ended!.bytesSent).toBeGreaterThanOrEqual(received)
    expect(ended!.bytesSent).toBeLessThan(2_000_000)
  })
})

test('The demo begins on a slow line', async () => {
  const demo = await start([])
  onTestFinished(() => stop(demo))
  expect(await (await fetch(`${demo.url}api/line`)).json()).toEqual({ slow: true })
})

describe.each(frameworks)('The demo on %s, for a page of another site', (_name, options) => {
  let demo: Demo
  let port: number

  beforeAll(async () => {
    demo = await start(options)
    port = Number(new URL(demo.url).port)
  })

  afterAll(() => stop(demo))

  const send = (path: string, fields: Record<string, string>, method = 'GET') =>
    ask(port, { method, path, headers: Object.entries(fields) })

  test.each([
    ['localhost', 200],
    ['LOCALHOST:80', 200],
    ['127.0.0.1:3000', 200],
    ['[::1]:3000', 200],
    ['127.0.0.1', 200],
    ['evil.example', 421],
    ['evil.example:3000', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['192.0.2.1', 421],
    ['localhost@evil.example', 421],
    ['', 421],
  ])('responds to a Host of %j with %i', async (host, status) => {
    const name = host.replace(/:3000$/, '')
    const reason = `This server does not go by the name ${JSON.stringify(name)}.\n`
    for (const path of ['/', '/api/media', '/media/dive.mp4', '/nowhere']) {
      const response = await send(path, { Host: host })
      if (status === 200) expect(response.status).toBe(path === '/nowhere' ? 404 : 200)
      else expect([response.status, String(response.content)]).toEqual([status, reason])
    }
  })

  test.each<[fields: Record<string, string>, status: number]>([
    [{}, 200], // no browser
    [{ Origin: 'http://localhost:3000' }, 200],
    [{ 'Sec-Fetch-Site': 'same-origin' }, 200],
    [{ 'Sec-Fetch-Site': 'none' }, 200],
    [{ Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'same-origin' }, 200],
    [{ Origin: 'http://evil.example' }, 403],
    [{ Origin: 'http://localhost:4000' }, 403],
    [{ Origin: 'null' }, 403],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'cross-site' }, 403],
  ])('responds to a POST with %j with %i', async (fields, status) => {
    await send('/api/line/fast', { Host: 'localhost:3000', 'Content-Length': '0' }, 'POST')
    const all = { Host: 'localhost:3000', 'Content-Length': '0', ...fields }
    expect((await send('/api/line/slow', all, 'POST')).status).toBe(status)
    const line = await send('/api/line', { Host: 'localhost:3000' })
    expect(JSON.parse(String(line.content))).toEqual({ slow: status === 200 })
  })

  test('responds to HEAD for the events, which have no end', async () => {
    const response = await send('/api/transfers', { Host: 'localhost' }, 'HEAD')
    expect(response.status).toBe(200)
    expect(response.content).toHaveLength(0)
  })
})

describe.each(frameworks)('The demo on %s, from the command line', (_name, options) => {
  test('ends at once on Ctrl-C, with clients that are still connected', async () => {
    const demo = await start(options)
    onTestFinished(() => stop(demo))
    const events = await follow(demo)
    const kept = await fetch(`${demo.url}media/dive.mp4`)
    const exit = once(demo.process, 'exit', { signal: AbortSignal.timeout(2000) })
    demo.process.kill('SIGINT')
    expect(await exit).toEqual([0, null])
    await kept.body?.cancel().catch(() => {})
    events.close()
  })

  test('prints nothing about clients that leave', async () => {
    const demo = await start(options)
    onTestFinished(() => stop(demo))
    let stderr = ''
    demo.process.stderr!.on('data', (chunk) => (stderr += chunk))
    const events = await follow(demo)
    const aborter = new AbortController()
    await fetch(`${demo.url}media/dive.mp4`, { signal: aborter.signal })
    aborter.abort()
    await events.until((all) => all.length === 1)
    events.close()
    // Another request gets its response after both have been noticed.
    await fetch(`${demo.url}api/media`)
    const closed = once(demo.process, 'close')
    demo.process.kill('SIGINT')
    await closed
    expect(stderr).toBe('')
  })

  test('ends on SIGTERM too', async () => {
    const demo = await start(options)
    onTestFinished(() => stop(demo))
    const exit = once(demo.process, 'exit', { signal: AbortSignal.timeout(2000) })
    demo.process.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
  })

  test('prints a sentence if the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, stderr } = await run(options, { PORT: String(port) })
    other.close()
    expect(stderr).toBe(
      `Port ${port} is taken. Try another: npm start -- --port ${port + 1}, or PORT=${port + 1} npm start\n`,
    )
    expect(code).toBe(1)
  })
})

async function run(options: string[], env: NodeJS.ProcessEnv) {
  const child = startProcess(options, env)
  let stderr = ''
  child.stderr!.on('data', (chunk) => (stderr += chunk))
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(10_000) })
  return { code, stderr }
}
