// Makes the pictures of the README again, in examples/media-server/screenshots/. It needs Chromium.
//
//   node test/demo/screenshots.mjs

import { spawn } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const here = (path) =>
  fileURLToPath(new URL(`../../examples/media-server/${path}`, import.meta.url))
const mostBytes = 150_000

const server = spawn(process.execPath, [here('server.mjs'), '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
})
try {
  mkdirSync(here('screenshots'), { recursive: true })
  const url = await addressOf(server)
  const page = await browser.newPage({ viewport: { width: 1200, height: 760 } })
  await page.goto(url)
  await photographMap(page)
  await photographPages(page)
} finally {
  await browser.close()
  server.kill()
}

/** A clip that comes from its beginning, while the player has been sent to two other places. */
async function photographMap(page) {
  await waitForBytes(page, 400_000)
  for (const share of ['0.5', '0.8']) {
    const before = await bytesOf(page)
    await page.click(`[data-jump="${share}"]`)
    await waitForBytes(page, before + 250_000)
  }
  await page.waitForSelector('#strip .segment[data-state="sending"]')
  // Without the video, whose many colours would be most of the picture's bytes.
  await photograph(page, 'map', '#traffic', { height: 480 })
}

async function photographPages(page) {
  await page.click('[data-name="byte-ranges.pdf"]')
  await page.waitForSelector('canvas[data-page="1"]')
  for (const number of [12, 13, 30]) {
    await page.fill('.pager input', String(number))
    await page.press('.pager input', 'Enter')
    await page.waitForSelector(`canvas[data-page="${number}"]`)
  }
  await page.waitForFunction(() => !document.querySelector('#log [data-state="sending"]'))
  await photograph(page, 'pages', 'main', { height: 790 })
}

async function photograph(page, name, selector, { height }) {
  // The box is relative to the viewport, the picture to the page.
  await page.evaluate(() => {
    scrollTo(0, 0)
    document.activeElement.blur()
  })
  const box = await page.locator(selector).boundingBox()
  const path = here(`screenshots/${name}.png`)
  const margin = 16
  const clip = {
    x: box.x - margin,
    y: box.y - margin,
    width: box.width + 2 * margin,
    height: Math.min(height, box.height) + margin,
  }
  await page.screenshot({ path, clip, fullPage: true, animations: 'disabled' })
  const { size } = statSync(path)
  console.log(`${path}: ${size} bytes`)
  if (size > mostBytes) throw new Error(`${name}.png is larger than ${mostBytes} bytes`)
}

function bytesOf(page) {
  return page.$eval('#fetched', ({ dataset }) => Number(dataset.bytes))
}

async function waitForBytes(page, bytes) {
  await page.waitForFunction(
    (least) => Number(document.querySelector('#fetched').dataset.bytes) >= least,
    bytes,
  )
}

async function addressOf({ stdout }) {
  for await (const line of createInterface(stdout)) {
    const [url] = /http:\S+/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error('The demo did not start')
}
