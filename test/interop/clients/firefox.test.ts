// Firefox, which keeps the first bytes of a download that failed or was paused, and requests the rest.

import fs from 'node:fs'
import path from 'node:path'
import type { RequestHandler } from 'express'
import type { Context, Middleware } from 'koa'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { expressApps } from '../../support/express-apps.ts'
import { koaApps } from '../../support/koa-apps.ts'
import { describeWith } from '../../support/available.ts'
import { type Firefox, launchFirefox } from '../../support/firefox.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import type { Running } from '../../support/listen.ts'
import { firstOnes, misplaced, record, type Recorder } from '../../support/recorder.ts'

const folder = temporaryFolder()
const mebibyte = 1024 * 1024
const original = pattern(8 * mebibyte)
const replacement = Buffer.from(original.map((byte) => 255 - byte))
const filePath = path.join(folder, 'file.bin')
const target = path.join(folder, 'saved.bin')
let bytes = original

/** Serves a version from here on, in memory and as the file. */
function put(version: Buffer, modified: string): void {
  bytes = version
  writeOldFile(filePath, version, new Date(modified))
}

const expressWays: readonly (readonly [way: string, handler: RequestHandler])[] = [
  ['send', (_, response) => void response.attachment('file.bin').send(bytes)],
  ['a piped file', (_, response) => {
    fs.createReadStream(filePath).pipe(response.attachment('file.bin'))
  }],
  ['sendRange', (_, response) => void response.attachment('file.bin').sendRange(filePath)],
] // prettier-ignore

const attach =
  (send: (ctx: Context) => unknown): Middleware =>
  async (ctx) => {
    ctx.attachment('file.bin')
    await send(ctx)
  }
const koaWays: readonly (readonly [way: string, handler: Middleware])[] = [
  ['a file stream', attach((ctx) => (ctx.body = fs.createReadStream(filePath)))],
  ['sendRange', attach((ctx) => ctx.sendRange(filePath))],
]

const cases = [
  ...expressApps.flatMap(([app, start]) =>
    expressWays.map(
      ([way, handler]) => [app, way, () => start(forExpress.rangeServe(), handler)] as const,
    ),
  ),
  ...koaApps.flatMap(([app, start]) =>
    koaWays.map(([way, handler]) => [app, way, () => start(forKoa.rangeServe(), handler)] as const),
  ),
]

interface Download {
  readonly succeeded: boolean
  readonly hasPartialData: boolean
  /** The name of the failure's result code. */
  readonly error: string | null
}

// Scripts that run in the browser. Its buttons to pause, resume and retry call the same methods. How
// much of what arrived is on disk when a download fails is not determined: Firefox may keep less.

const prelude = `
  const [url, path] = args
  const { Downloads } = ChromeUtils.importESModule('resource://gre/modules/Downloads.sys.mjs')
  const list = await Downloads.getList(Downloads.ALL)
  const find = async () => (await list.getAll()).find(({ source }) => source.url === url)
  const until = async (condition) => {
    for (const deadline = Date.now() + 15_000; !(await condition()); ) {
      if (Date.now() > deadline) throw new Error(JSON.stringify(report(await find())))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const report = ({ succeeded, hasPartialData, error }) => ({
    succeeded,
    hasPartialData,
    error: error && Components.Exception('', error.result).name,
  })`

const saveLink = `${prelude}
  const target = { path, partFilePath: path + '.part' }
  const download = await Downloads.createDownload({ source: url, target })
  download.tryToKeepPartialData = true
  await list.add(download)
  download.start().catch(() => {})`

const bytesArrive = `${prelude}
  const download = await find()
  await until(async () => {
    const { partFilePath } = download.target
    if (!download.hasPartialData || !(await IOUtils.exists(partFilePath))) return false
    return (await IOUtils.stat(partFilePath)).size > 0
  })`

const fails = `${prelude}
  const download = await find()
  await until(() => download.stopped)
  return report(download)`

const pause = `${prelude}
  const download = await find()
  await download.cancel()
  return report(download)`

const resume = `${prelude}
  const download = await find()
  await download.start().catch(() => {})
  return report(download)`

describeWith('firefox-esr', 'Firefox', (executablePath) => {
  let firefox: Firefox
  let running: Running
  let recorder: Recorder
  let url: string
  beforeAll(async () => {
    firefox = await launchFirefox(executablePath, path.join(folder, 'firefox'))
  })
  afterAll(() => firefox?.close())
  afterEach(() => Promise.all([recorder.close(), running.close()]))

  const run = (script: string) => firefox.run(script, url, target) as Promise<Download>
  const asked = () =>
    recorder.exchanges.map(({ asked, status }) => [
      asked.get('range'),
      asked.get('if-match'),
      status,
    ])

  /**
   * Begins a download whose connection passes a mebibyte and then stalls. Resolves once part of it is
   * on disk, with a function that ends the connection.
   */
  async function begin(start: () => Promise<Running>): Promise<() => void> {
    fs.rmSync(target, { force: true })
    put(original, '2025-01-01')
    let interrupt = () => {}
    const interrupted = new Promise<void>((resolve) => (interrupt = resolve))
    running = await start()
    recorder = await record(running.port, firstOnes(1, mebibyte), interrupted)
    url = `http://127.0.0.1:${recorder.port}/file.bin`
    await run(saveLink)
    await run(bytesArrive)
    return interrupt
  }

  async function expectResumed(): Promise<void> {
    const download = await run(resume)
    expect(download).toMatchObject({ succeeded: true, error: null })
    expect(fs.readFileSync(target).equals(bytes)).toBe(true)
    const etag = recorder.exchanges[0]!.fields.get('etag')
    expect(etag).toMatch(/^"/)
    expect(asked()).toEqual([
      [undefined, undefined, 200],
      [expect.stringMatching(/^bytes=[1-9]\d*-$/), etag, 206],
    ])
    expect(misplaced(recorder.exchanges, bytes)).toEqual([])
  }

  it.each(cases)('%s: %s: a download that failed is retried', async (_app, _way, start) => {
    const interrupt = await begin(start)
    interrupt()
    const failed = {
      succeeded: false,
      hasPartialData: true,
      error: 'NS_ERROR_NET_PARTIAL_TRANSFER',
    }
    expect(await run(fails)).toMatchObject(failed)
    await expectResumed()
  })

  it.each(cases)('%s: %s: a download that was paused is resumed', async (_app, _way, start) => {
    await begin(start)
    expect(await run(pause)).toMatchObject({ succeeded: false, hasPartialData: true })
    await expectResumed()
  })

  it.each(cases)('%s: %s: versions are never joined', async (_app, _way, start) => {
    const interrupt = await begin(start)
    interrupt()
    expect(await run(fails)).toMatchObject({ succeeded: false, hasPartialData: true })
    put(replacement, '2025-01-02')
    const changed = { succeeded: false, hasPartialData: false, error: 'NS_ERROR_ENTITY_CHANGED' }
    expect(await run(resume)).toMatchObject(changed)
    const download = await run(resume)
    expect(download).toMatchObject({ succeeded: true, error: null })
    expect(fs.readFileSync(target).equals(replacement)).toBe(true)
    expect(asked()).toEqual([
      [undefined, undefined, 200],
      [expect.stringMatching(/^bytes=[1-9]\d*-$/), expect.stringMatching(/^"/), 412],
      [undefined, undefined, 200],
    ])
  })
})
