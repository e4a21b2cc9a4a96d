// PMTiles, which reads maps from one archive by range, in a browser that completes cached ranges.

import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import compression from 'compression'
import express5, { type RequestHandler } from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import koaEtag from 'koa-etag'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { describeWith } from '../../support/available.ts'
import { launch } from '../../support/browser.ts'
import { temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { listen, type Running } from '../../support/listen.ts'
import { misplaced, record } from '../../support/recorder.ts'

const require = createRequire(import.meta.url)
const library = fs.readFileSync(
  path.join(path.dirname(require.resolve('pmtiles/package.json')), 'dist/pmtiles.js'),
)
const page = `<!doctype html><link rel="icon" href="data:,"><script src="pmtiles.js"></script><script>
  window.read = async (zoom, tiles) => {
    const archive = new pmtiles.PMTiles(new URL('map.pmtiles', location).href)
    const found = []
    for (const [x, y] of tiles) {
      const tile = await archive.getZxy(zoom, x, y)
      const bytes = new Uint8Array(tile.data)
      found.push([bytes.length, bytes[0], bytes.at(-1)])
    }
    return found
  }
</script>`

const zoom = 5
const tileLength = 3000
const count = (4 ** (zoom + 1) - 1) / 3

function writeVarint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

/** An archive of all tiles up to a zoom, each of one value of byte, in the order of their numbers. */
function makeArchive(): Buffer {
  const tiles = Array.from({ length: count }, (_, i) => Buffer.alloc(tileLength, i % 251))
  const each = (value: (i: number) => number) => tiles.flatMap((_, i) => writeVarint(value(i)))
  const root = Buffer.from([
    ...writeVarint(count),
    ...each((i) => (i === 0 ? 0 : 1)),
    ...each(() => 1),
    ...each(() => tileLength),
    ...each((i) => (i === 0 ? 1 : 0)),
  ])
  const metadata = Buffer.from('{}')
  const header = Buffer.alloc(127)
  header.write('PMTiles')
  header[7] = 3
  const at = header.length + root.length + metadata.length
  const words = [
    header.length, root.length, header.length + root.length, metadata.length, at, 0, at, count * tileLength,
    count, count, count,
  ] // prettier-ignore
  for (const [i, word] of words.entries()) header.writeBigUInt64LE(BigInt(word), 8 + 8 * i)
  // Clustered, no compression inside, none of tiles, which are pictures, and the zooms.
  header.set([1, 1, 1, 2, 0, zoom], 96)
  return Buffer.concat([header, root, metadata, ...tiles])
}

const bytes = makeArchive()
const date = new Date('2026-01-02T03:04:05Z')
const filePath = path.join(temporaryFolder(), 'map.pmtiles')
writeOldFile(filePath, bytes, date)

const startExpress =
  (express: typeof express5, ...before: RequestHandler[]) =>
  (): Promise<Running> => {
    const app = express()
    app.use(...before, forExpress.rangeServe())
    app.get('/page.html', (_request, response) => void response.type('html').send(page))
    app.get('/pmtiles.js', (_request, response) => void response.type('js').send(library))
    app.get('/map.pmtiles', (_request, response) => {
      response.type('bin').set('Last-Modified', date.toUTCString()).send(bytes)
    })
    return listen(http.createServer(app))
  }

function startKoa(): Promise<Running> {
  const app = new Koa3()
  app.silent = true
  app.use(forKoa.rangeServe()).use(koaEtag())
  app.use((ctx) => {
    if (ctx.path === '/page.html') ctx.body = page
    else if (ctx.path === '/pmtiles.js') {
      ctx.type = 'js'
      ctx.body = library
    } else if (ctx.path === '/map.pmtiles') ctx.body = fs.createReadStream(filePath)
    ctx.lastModified = date
  })
  const respond = app.callback()
  return listen(http.createServer((request, response) => void respond(request, response)))
}

const servers: [name: string, start: () => Promise<Running>][] = [
  ['res.send of Express 5', startExpress(express5)],
  ['res.send of Express 4', startExpress(express4)],
  ['res.send behind compression', startExpress(express5, compression({ filter: () => true }))],
  ['a file stream of Koa with koa-etag', startKoa],
]

describeWith('chromium', 'PMTiles', (chromium) => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch(chromium)
  })
  afterAll(() => browser?.close())

  it.each(servers)('reads tiles, cold and warm, from %s', async (_name, start) => {
    const running = await start()
    const recorder = await record(running.port)
    const context = await browser.newContext()
    const tiles: [x: number, y: number][] = [[0, 0], [7, 9], [31, 31], [0, 31], [16, 3]] // prettier-ignore
    try {
      const seen: unknown[] = []
      for (let visit = 0; visit < 2; visit++) {
        const tab = await context.newPage()
        await tab.goto(`http://127.0.0.1:${recorder.port}/page.html`)
        for (const some of [tiles.slice(0, 3), tiles]) {
          seen.push(
            await tab.evaluate(([z, list]) => (window as unknown as Reader).read(z, list), [
              zoom,
              some,
            ] as const),
          )
        }
        await tab.close()
      }
      for (const [i, found] of (seen as number[][][]).entries()) {
        expect(found).toHaveLength(i % 2 === 0 ? 3 : tiles.length)
        for (const [length, first, last] of found) {
          expect(length).toBe(tileLength)
          expect(first).toBe(last)
        }
      }
      expect(seen[2]).toEqual(seen[0])
      expect(seen[3]).toEqual(seen[1])
      const exchanges = recorder.exchanges.filter((each) => each.path === '/map.pmtiles')
      expect(misplaced(exchanges, bytes)).toEqual([])
      expect(exchanges.filter(({ status }) => status === 200)).toEqual([])
    } finally {
      await context.close()
      await recorder.close()
      await running.close()
    }
  })
})

interface Reader {
  read(zoom: number, tiles: readonly (readonly [number, number])[]): Promise<number[][]>
}
