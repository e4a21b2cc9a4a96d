// The demo on folders of users: many files, long names, none, and files that do not play.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { listMedia } from '../../examples/media-server/library.mjs'
import { describeWith } from '../support/available.ts'
import { launch } from '../support/browser.ts'
import { startExample } from '../support/example.ts'

/** A folder with these files; a name that ends with a slash is a folder. */
function folderOf(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'range-serve-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of names) {
    if (name.includes('/')) mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), name)
  }
  return folder
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `clip ${i + 1}.mp4`)

it('lists 1,000 files, and counts the others and the folders further down', async () => {
  const folder = folderOf([
    ...numbered(1003),
    'a/b/c/listed.mp4',
    'a/b/c/d/not listed.mp4',
    '.hidden',
  ])
  const { files, total, deeper } = await listMedia(folder, '/media/')
  expect({ listed: files.length, total, deeper }).toEqual({ listed: 1000, total: 1004, deeper: 1 })
})

it('names files by their path, and escapes their addresses', async () => {
  const { files } = await listMedia(folderOf(['a b/100 %.mp4', 'b.txt']), '/media/')
  expect(files).toEqual([
    { name: 'a b/100 %.mp4', url: '/media/a%20b/100%20%25.mp4', size: 13, type: 'video/mp4' },
    { name: 'b.txt', url: '/media/b.txt', size: 5, type: 'application/octet-stream' },
  ])
})

describeWith('chromium', 'A browser', (executablePath) => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch(executablePath)
  })
  afterAll(() => browser?.close())

  async function show(folder: string): Promise<Page> {
    const server = fileURLToPath(new URL('../../examples/media-server/server.mjs', import.meta.url))
    const demo = await startExample(folder, [process.execPath, server])
    onTestFinished(() => demo.stop())
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    page.setDefaultTimeout(15_000)
    await page.goto(`http://localhost:${demo.port}/`)
    return page
  }

  it('says which folder is empty, and how to serve another', async () => {
    const folder = folderOf([])
    const page = await show(folder)
    await page.waitForFunction(
      (path) => document.querySelector('#stage')!.textContent!.includes(path),
      folder,
    )
    expect(await page.textContent('#stage')).toContain('npm start -- ~/Videos')
    expect(await page.isVisible('#code')).toBe(false)
  })

  it('searches many files, reports how many it left out, and resets the player for a file that does not play', async () => {
    const long = `${'a very long name '.repeat(12)}.mp4`
    const page = await show(folderOf([...numbered(1001), long, 'a/b/c/d/e.mp4']))
    await page.waitForSelector('#stage p')
    expect(await page.textContent('#stage')).toContain('cannot play this file')
    expect(await page.isVisible('#jumps')).toBe(false)
    expect(await page.isVisible('#playhead')).toBe(false)
    expect(await page.textContent('#left-out')).toBe(
      '1,000 of 1,002 files. A folder further down is not listed.',
    )
    const name = page.locator('#files .file-name').first()
    expect((await name.boundingBox())!.height).toBeLessThan(60)
    await page.fill('#filter', 'clip 99')
    expect(await page.locator('#files li:visible').count()).toBe(11)
    await page.fill('#filter', 'no such clip')
    expect(await page.isVisible('#no-match')).toBe(true)
  })
})
