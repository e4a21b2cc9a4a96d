// The demo in use: `npm start`, a browser, a player that seeks.

import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { describeWith } from '../support/available.ts'
import { launch } from '../support/browser.ts'
import { ask } from '../support/raw.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const serverPath = 'examples/media-server/server.mjs'
const media = join(root, 'examples/media-server/media')

const frameworks: [name: string, options: string[]][] = [
  ['Express', ['--fast']],
  ['Koa', ['--koa', '--fast']],
]

interface Demo {
  readonly process: ChildProcess
  readonly url: string
}

interface Media {
  readonly folder: string
  readonly files: readonly MediaFile[]
  readonly total: number
  readonly deeper: number
}

interface MediaFile {
  readonly name: string
  readonly url: string
  readonly size: number
  readonly type: string
}

/** What the server reports about one response when it is over. */
interface Ended {
  readonly id: number
  readonly url: string
  readonly status: number
  readonly ranges: readonly { firstPos: number; lastPos: number }[]
  readonly bytesPlanned: number
  readonly bytesSent: number
  readonly aborted: boolean
  readonly failed: boolean
}

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

  test('has nothing to say about clients that leave', async () => {
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

  test('says so in a sentence when the port is taken', async () => {
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

describeWith('chromium', 'A browser', (executablePath) => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launch(executablePath)
  })

  afterAll(() => browser?.close())

  describe.each(frameworks)('of the demo on %s', (name, options) => {
    let demo: Demo
    let page: Page
    const errors: Error[] = []

    beforeAll(async () => {
      demo = await start(options)
      page = await browser.newPage({ viewport: { width: 1280, height: 1100 } })
      page.setDefaultTimeout(15_000)
      page.on('pageerror', (error) => errors.push(error))
    })

    afterAll(async () => {
      await page?.close()
      await stop(demo)
    })

    test('seeks in an MP4 whose index is at the end, and maps each range', async () => {
      const events = await follow(demo)
      await choose(page, demo, 'dive.mp4')
      await seekAndCheck(page, 0.8)
      await seekAndCheck(page, 0.1)
      await settled(page)

      const segments = await segmentsOf(page)
      expect(segments.every(({ status }) => status === 206)).toBe(true)
      expect(segments.some(({ first }) => first > 0)).toBe(true)
      // The index lies in the last tenth, and was requested by its position.
      const size = Number(await page.locator('#fetched').getAttribute('data-bytes'))
      expect(segments.some(({ first }) => first > 0.9 * size)).toBe(true)

      const ended = await events.until((all) => all.length >= segments.length)
      events.close()
      expect(segments).toEqual(ended.flatMap(asSegments).toSorted(byPlace))
      await page.screenshot({ path: artifact(`${name}-mp4`), fullPage: true })
    })

    test('draws how often each byte was sent', async () => {
      for (let i = 0; i < 2; i++) {
        const headers = { Range: 'bytes=700000-700099' }
        await (await fetch(`${demo.url}media/dive.mp4`, { headers })).arrayBuffer()
      }
      await page.waitForFunction(() =>
        [...document.querySelectorAll<HTMLElement>('#heat > i')].some(
          ({ dataset: { first, times } }) => first === '700000' && Number(times) >= 2,
        ),
      )
    })

    test('seeks in a WebM', async () => {
      await choose(page, demo, 'dive.webm')
      await seekAndCheck(page, 0.8)
      await seekAndCheck(page, 0.1)
      await settled(page)
      expect((await segmentsOf(page)).every(({ status }) => status === 206)).toBe(true)
      await page.screenshot({ path: artifact(`${name}-webm`), fullPage: true })
    })

    test('goes on in an MP3 from where it was sent', async () => {
      await choose(page, demo, 'plucked.mp3')
      await page.click('[data-jump="0.5"]')
      await page.waitForFunction(() => !document.querySelector('audio')!.seeking)
      await page.$eval('audio', (audio) => audio.play())
      await page.waitForFunction(() => document.querySelector('audio')!.currentTime > 24.3)
      await page.$eval('audio', (audio) => audio.pause())
      expect(await page.$eval('audio', (audio) => audio.currentTime)).toBeLessThan(40)
    })

    test('shows the PDF, and requests the bytes of each page', async () => {
      await page.click('[data-name="byte-ranges.pdf"]')
      await page.waitForSelector('canvas[data-page="1"]')
      await page.click('[data-turn="1"]')
      await page.waitForSelector('canvas[data-page="2"]')
      await page.fill('.pager input', '30')
      await page.press('.pager input', 'Enter')
      await page.waitForSelector('canvas[data-page="30"]')
      await settled(page)
      const { size } = await fileNamed(demo, 'byte-ranges.pdf')
      // The page states the count: there are 40.
      const segments = await segmentsOf(page)
      expect(segments.some(({ first, last }) => first > 0.7 * size && last < 0.77 * size)).toBe(
        true,
      )
      const fetched = Number(await page.locator('#fetched').getAttribute('data-bytes'))
      expect(fetched).toBeLessThan(0.2 * size)
      expect(await page.textContent('#hint')).toContain('Turn the pages')
      await page.screenshot({ path: artifact(`${name}-pdf`) })
    })

    test('shows what is still on its way, and what a seek left', async () => {
      await choose(page, demo, 'dive.webm')
      await page.check('#slow')
      // A new player, at the new speed.
      await page.waitForSelector('#player[src*="visit"]')
      await page.waitForSelector('#strip .segment[data-state="sending"]:not([data-sent="0"])')
      await page.screenshot({ path: artifact(`${name}-slow`) })
      await loaded(page)
      await seekAndCheck(page, 0.8)
      await page.waitForSelector('#log tr[data-state="aborted"]')
      expect(await page.textContent('#log .outcome[data-state="aborted"]')).toBe('client moved on')
      expect(await page.textContent('#hint')).toMatch(/slow on purpose.*Drag the playhead/)
      await page.screenshot({ path: artifact(`${name}-moved-on`), fullPage: true })
      await page.uncheck('#slow')
      await loaded(page)
    })

    test('answers ranges that are typed in', async () => {
      await choose(page, demo, 'dive.mp4')
      const { size } = await fileNamed(demo, 'dive.mp4')
      const answers: [range: string, expected: string][] = [
        ['bytes=0-499', `206 Partial Content\nContent-Range: bytes 0-499/${size}`],
        ['bytes=999999999999-', `416 Range Not Satisfiable\nContent-Range: bytes */${size}`],
        ['bytes=0-9,1000-1009', '206 Partial Content\nContent-Length: '],
        ['lines=1-2', `200 OK\nContent-Length: ${size}`],
      ]
      for (const [range, expected] of answers) {
        await page.fill('#range', range)
        await page.press('#range', 'Enter')
        await page.waitForFunction(
          (text) => document.querySelector('#answer')!.textContent!.startsWith(text),
          expected,
        )
      }
      await page.fill('#range', 'bytes=4-7,5000-5001')
      await page.press('#range', 'Enter')
      const parts = `Part 1
Content-Type: video/mp4
Content-Range: bytes 4-7/${size}
66 74 79 70`
      await page.waitForFunction(
        (text) => document.querySelector('#answer')!.textContent!.includes(text),
        parts,
      )
      expect(await page.textContent('#log tr .bytes')).toBe('4 – 75,000 – 5,001')
    })

    test('has the server in a few lines, and commands for a terminal', async () => {
      await page.click('#tabs >> text=Koa')
      expect(await page.textContent('#server')).toContain(`from '@range-serve/koa'`)
      const { url } = await fileNamed(demo, 'dive.mp4')
      expect(await page.textContent('#commands')).toContain(new URL(url, demo.url).href)
    })

    // The page is the same on both.
    const colorScheme = name === 'Koa' ? 'dark' : 'light'
    test(`fits a phone, ${colorScheme}`, async () => {
      const context = await browser.newContext({
        viewport: { width: 390, height: 844 },
        deviceScaleFactor: 2,
        isMobile: true,
        hasTouch: true,
        colorScheme,
      })
      const phone = await context.newPage()
      await choose(phone, demo, 'dive.mp4')
      await phone.tap('[data-jump="0.8"]')
      await shown(phone, 0.8)
      await settled(phone)
      expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
      await phone.screenshot({ path: artifact(`${name}-phone-${colorScheme}`), fullPage: true })
      await context.close()
    })

    test('comes to its end without an error in the page', () => {
      expect(errors).toEqual([])
    })
  })
})

/* The server */

async function start(options: string[]): Promise<Demo> {
  const child = startProcess(options, { PORT: '0' })
  const printed: string[] = []
  child.stderr!.on('data', (chunk) => printed.push(String(chunk)))
  for await (const line of createInterface(child.stdout!)) {
    printed.push(line)
    const [url] = /http:\S+/.exec(line) ?? []
    if (url !== undefined) {
      child.stdout!.resume()
      return { process: child, url }
    }
  }
  throw new Error(`The demo did not start: ${printed.join('\n')}`)
}

async function stop(demo: Demo | undefined): Promise<void> {
  if (!demo || demo.process.exitCode !== null || demo.process.signalCode !== null) return
  const exit = once(demo.process, 'exit')
  demo.process.kill('SIGKILL')
  await exit
}

async function run(options: string[], env: NodeJS.ProcessEnv) {
  const child = startProcess(options, env)
  let stderr = ''
  child.stderr!.on('data', (chunk) => (stderr += chunk))
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(10_000) })
  return { code, stderr }
}

function startProcess(options: string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [serverPath, ...options], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function fileNamed(demo: Demo, wanted: string): Promise<MediaFile> {
  const { files } = (await (await fetch(`${demo.url}api/media`)).json()) as Media
  return files.find(({ name }) => name === wanted)!
}

/** Reads the server-sent events, and collects those that end a response. */
async function follow(demo: Demo) {
  const aborter = new AbortController()
  const response = await fetch(`${demo.url}api/transfers`, { signal: aborter.signal })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const names: string[] = []
  const ended: Ended[] = []
  const arrivals = new EventEmitter()
  // It ends with an error when either side aborts; until() fails if that was too early.
  read().catch(() => {})
  return {
    names,
    async until(enough: (all: readonly Ended[]) => boolean): Promise<readonly Ended[]> {
      const signal = AbortSignal.timeout(5000)
      while (!enough(ended)) await once(arrivals, 'events', { signal })
      return ended
    },
    close: () => aborter.abort(),
  }

  async function read(): Promise<void> {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split('\n\n')
      text = events.pop()!
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
        if (name === undefined) continue
        names.push(name)
        if (name === 'end') ended.push(JSON.parse(data!) as Ended)
      }
      arrivals.emit('events')
    }
  }
}

/* The page */

interface Segment {
  readonly id: number
  readonly status: number
  readonly first: number
  readonly last: number
  readonly sent: number
  readonly state: string
}

async function choose(page: Page, demo: Demo, name: string): Promise<void> {
  await page.goto('about:blank')
  await page.goto(`${demo.url}#${name}`)
  await page.waitForSelector(`#files [data-name="${name}"][aria-current]`)
  await loaded(page)
}

async function loaded(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const player = document.querySelector<HTMLMediaElement>('#player')
    return player !== null && player.readyState >= player.HAVE_CURRENT_DATA
  })
}

async function seekAndCheck(page: Page, share: number): Promise<void> {
  await page.$eval(
    'video',
    (video, to) => {
      video.currentTime = to * video.duration
    },
    share,
  )
  await shown(page, share)
}

/**
 * Waits until the picture of the requested position is shown, which has the time in it. A browser may
 * be there, and have the frame, before it can be drawn.
 */
async function shown(page: Page, share: number): Promise<void> {
  await page.waitForFunction((to) => {
    const video = document.querySelector('video')!
    const there = Math.abs(video.currentTime - to * video.duration) < 0.5
    if (!there || video.seeking || video.readyState < video.HAVE_CURRENT_DATA) return false
    const canvas = document.createElement('canvas')
    canvas.width = 960
    canvas.height = 540
    const context = canvas.getContext('2d')!
    context.drawImage(video, 0, 0, 960, 540)
    // Eight squares, 32 by 32, from (40, 32) and every 40: the second in binary, white for 1.
    const bits = Array.from({ length: 8 }, (_, i) => {
      const [red = 0] = context.getImageData(40 + 40 * i + 16, 48, 1, 1).data
      return red > 128 ? 1 : 0
    })
    return Number.parseInt(bits.join(''), 2) === Math.floor(video.currentTime)
  }, share)
}

/** Waits until nothing is under way. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector('#log tr') !== null &&
      document.querySelector('#log tr[data-state="sending"]') === null,
  )
}

async function segmentsOf(page: Page): Promise<Segment[]> {
  const segments = await page.$$eval('#strip .segment', (elements) =>
    elements.map((element) => {
      const { id, status, first, last, sent, state } = (element as HTMLElement).dataset
      return {
        id: Number(id),
        status: Number(status),
        first: Number(first),
        last: Number(last),
        sent: Number(sent),
        state: state!,
      }
    }),
  )
  return segments.toSorted(byPlace)
}

function asSegments({ id, status, ranges, bytesSent, aborted }: Ended): Segment[] {
  const state = aborted ? 'aborted' : 'complete'
  return ranges.map(({ firstPos, lastPos }) => ({
    id,
    status,
    first: firstPos,
    last: lastPos,
    sent: bytesSent,
    state,
  }))
}

function byPlace(a: Segment, b: Segment): number {
  return a.id - b.id || a.first - b.first
}

function artifact(name: string): string {
  return `${root}/test/.artifacts/demo-${name.toLowerCase()}.png`
}
