// A service worker that serves ranges out of a Blob: <video> seeks in a file that no server has.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { launch } from '../../support/browser.ts'
import { type Example, startExample } from '../../support/example.ts'
import { until } from '../../support/fixture.ts'

const clip = fileURLToPath(
  new URL('../../../examples/media-server/media/dive.webm', import.meta.url),
)
const bytes = readFileSync(clip)

describeWith('chromium', 'A service worker', (chromium) => {
  let example: Example
  let browser: Browser
  let page: Page
  const responses: Response[] = []
  beforeAll(async () => {
    ;[example, browser] = await Promise.all([
      startExample('service-worker/server.mjs'),
      launch(chromium),
    ])
    page = await browser.newPage()
    page.on('response', (response) => {
      if (response.url().includes('/kept/')) responses.push(response)
    })
    await page.goto(`http://localhost:${example.port}/`)
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
    await page.setInputFiles('input', clip)
    await page.waitForFunction(() => document.querySelector('video')!.readyState >= 2)
  })
  afterAll(async () => {
    await browser?.close()
    example?.stop()
  })

  it('lets <video> seek in a file that never touched a server', async () => {
    const duration = await page.$eval('video', (video) => video.duration)
    expect(duration).toBeGreaterThan(1)
    for (const share of [0.9, 0.1, 0.5]) {
      const reached = await page.$eval(
        'video',
        (video, to) =>
          new Promise<number>((resolve, reject) => {
            video.addEventListener('seeked', () => resolve(video.currentTime), { once: true })
            video.addEventListener('error', () => reject(new Error(video.error?.message)))
            video.currentTime = to
          }),
        duration * share,
      )
      expect(reached).toBeCloseTo(duration * share, 3)
    }
    await until('the requests of the player were seen', () => responses.length > 0)
    for (const response of responses) {
      expect(response.fromServiceWorker()).toBe(true)
      expect(response.status()).toBe(206)
      expect(response.headers()['content-range']).toMatch(new RegExp(`^bytes .*/${bytes.length}$`))
    }
  })

  it.each<[range: string, firstPos: number, lastPos: number]>([
    ['bytes=0-9', 0, 9],
    ['bytes=-10', bytes.length - 10, bytes.length - 1],
    ['bytes=1000-99999', 1000, 99_999],
  ])('sends %s', async (range, firstPos, lastPos) => {
    const part = await page.evaluate(async (range) => {
      const response = await fetch('kept/dive.webm', { headers: { Range: range } })
      const content = new Uint8Array(await response.arrayBuffer())
      return {
        status: response.status,
        type: response.headers.get('Content-Type'),
        content: [...content],
      }
    }, range)
    expect(part.status).toBe(206)
    expect(part.type).toBe('video/webm')
    expect(Buffer.from(part.content).equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
  })

  it('responds 416 beyond the end', async () => {
    const status = await page.evaluate(async () => {
      const response = await fetch('kept/dive.webm', { headers: { Range: 'bytes=99999999-' } })
      return response.status
    })
    expect(status).toBe(416)
  })
})
