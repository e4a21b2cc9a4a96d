// pdf.js, which opens a long document at any page without reading the pages before.

import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { launch } from '../../support/browser.ts'
import { temporaryFolder } from '../../support/fixture.ts'
import { folders } from '../../support/frameworks.ts'
import { bytesPassed, misplaced, record } from '../../support/recorder.ts'

const require = createRequire(import.meta.url)
const library = path.dirname(require.resolve('pdfjs-dist/build/pdf.min.mjs'))
const folder = temporaryFolder()
const pages = 64

const page = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  import { getDocument, GlobalWorkerOptions } from './pdf.min.mjs'
  GlobalWorkerOptions.workerSrc = './pdf.worker.min.mjs'
  window.read = async (numbers) => {
    const task = getDocument({ url: 'long.pdf', disableAutoFetch: true, disableStream: true })
    const pdf = await task.promise
    const texts = [String(pdf.numPages)]
    for (const number of numbers) {
      const { items } = await (await pdf.getPage(number)).getTextContent()
      texts.push(items.map(({ str }) => str).join(''))
    }
    await task.destroy()
    return texts
  }
</script>`

/**
 * A PDF of pages with a line of text and a picture of noise each. The page objects come last, with
 * the cross-reference table, as from writers that do not know the length in advance.
 */
function makePdf(): Buffer {
  const objects: Buffer[] = []
  const add = (text: string, stream?: Uint8Array) => {
    const parts = [Buffer.from(`${objects.length + 1} 0 obj\n${text}\n`)]
    if (stream)
      parts.push(Buffer.from('stream\n'), Buffer.from(stream), Buffer.from('\nendstream\n'))
    objects.push(Buffer.concat([...parts, Buffer.from('endobj\n')]))
    return `${objects.length} 0 R`
  }
  const font = add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  const contents = Array.from({ length: pages }, (_, i) => {
    const noise = randomFillSync(new Uint8Array(512 * 512))
    const image = add(
      `<< /Type /XObject /Subtype /Image /Width 512 /Height 512 /ColorSpace /DeviceGray
        /BitsPerComponent 8 /Length ${noise.length} >>`,
      noise,
    )
    const text = Buffer.from(`BT /F 24 Tf 72 700 Td (This is page ${i + 1}.) Tj ET`)
    return { image, text: add(`<< /Length ${text.length} >>`, text) }
  })
  const parent = `${objects.length + pages + 1} 0 R`
  const kids = contents.map(({ image, text }) =>
    add(`<< /Type /Page /Parent ${parent} /MediaBox [0 0 595 842] /Contents ${text}
      /Resources << /Font << /F ${font} >> /XObject << /I ${image} >> >> >>`),
  )
  const root = add(`<< /Type /Pages /Count ${pages} /Kids [${kids.join(' ')}] >>`)
  const catalog = add(`<< /Type /Catalog /Pages ${root} >>`)

  const head = Buffer.from('%PDF-1.7\n')
  let position = head.length
  const entries = objects.map((object) => {
    const entry = `${String(position).padStart(10, '0')} 00000 n \n`
    position += object.length
    return entry
  })
  const tail = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries.join('')}trailer
<< /Size ${objects.length + 1} /Root ${catalog} >>\nstartxref\n${position}\n%%EOF\n`
  return Buffer.concat([head, ...objects, Buffer.from(tail)])
}

describeWith('chromium', 'pdf.js', (chromium) => {
  const bytes = makePdf()
  let browser: Browser
  beforeAll(async () => {
    fs.writeFileSync(path.join(folder, 'long.pdf'), bytes)
    fs.writeFileSync(path.join(folder, 'page.html'), page)
    for (const file of ['pdf.min.mjs', 'pdf.worker.min.mjs']) {
      fs.copyFileSync(path.join(library, file), path.join(folder, file))
    }
    browser = await launch(chromium)
  })
  afterAll(() => browser?.close())

  it.each(folders)('reads the last page, and then another, from %s', async (_name, start) => {
    const running = await start(folder)
    const recorder = await record(running.port)
    const tab = await browser.newPage()
    try {
      await tab.goto(`http://127.0.0.1:${recorder.port}/page.html`)
      const texts = await tab.evaluate(
        (numbers) => (window as unknown as Reader).read(numbers),
        [pages, 7],
      )
      expect(texts).toEqual([String(pages), `This is page ${pages}.`, 'This is page 7.'])
      const exchanges = recorder.exchanges.filter((each) => each.path === '/long.pdf')
      expect(misplaced(exchanges, bytes)).toEqual([])
      // The first request has no Range, and is aborted once its fields show that ranges are served.
      const [first, ...rest] = exchanges
      expect(first!.status).toBe(200)
      expect(first!.passed).toBeLessThan(bytes.length)
      expect(rest.map(({ status }) => status)).toEqual(rest.map(() => 206))
      expect(bytesPassed(rest)).toBeLessThan(bytes.length / 10)
    } finally {
      await tab.close()
      await recorder.close()
      await running.close()
    }
  })
})

interface Reader {
  read(numbers: readonly number[]): Promise<string[]>
}
