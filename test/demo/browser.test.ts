// The page of the demo in a browser: players that seek, pages of a PDF, ranges typed in.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWith } from '../support/available.ts'
import { launch } from '../support/browser.ts'
import {
  frameworks,
  type Demo,
  start,
  stop,
  follow,
  type MediaFile,
  type Media,
} from '../support/demo.ts'
import {
  choose,
  loaded,
  seekAndCheck,
  shown,
  settled,
  segmentsOf,
  asSegments,
  byPlace,
  artifact,
} from '../support/demo-page.ts'

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

      // The browser may request more at any time, which the page draws a moment after it was sent.
      const segments = await vi.waitFor(async () => {
        const drawn = await segmentsOf(page)
        const ended = await events.until((all) => all.length >= drawn.length)
        expect(drawn).toEqual(ended.flatMap(asSegments).toSorted(byPlace))
        return drawn
      }, 5000)
      events.close()
      expect(segments.every(({ status }) => status === 206)).toBe(true)
      expect(segments.some(({ first }) => first > 0)).toBe(true)
      // The index lies in the last tenth, and was requested by its position.
      const size = Number(await page.locator('#fetched').getAttribute('data-bytes'))
      expect(segments.some(({ first }) => first > 0.9 * size)).toBe(true)
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

    test('continues an MP3 from where it was sent', async () => {
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

    test('responds to ranges that are typed in', async () => {
      await choose(page, demo, 'dive.mp4')
      const { size } = await fileNamed(demo, 'dive.mp4')
      const rows: [range: string, expected: string][] = [
        ['bytes=0-499', `206 Partial Content\nContent-Range: bytes 0-499/${size}`],
        ['bytes=999999999999-', `416 Range Not Satisfiable\nContent-Range: bytes */${size}`],
        ['bytes=0-9,1000-1009', '206 Partial Content\nContent-Length: '],
        ['lines=1-2', `200 OK\nContent-Length: ${size}`],
      ]
      for (const [range, expected] of rows) {
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

async function fileNamed(demo: Demo, wanted: string): Promise<MediaFile> {
  const { files } = (await (await fetch(`${demo.url}api/media`)).json()) as Media
  return files.find(({ name }) => name === wanted)!
}
