// Caches and proxies in front of two workers, by the configurations in examples/fronts: every byte,
// and what each of them requests upstream.

import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith, findProgram } from '../../support/available.ts'
import { type Example, startExample } from '../../support/example.ts'
import { pattern, temporaryFolder, until, writeOldFile } from '../../support/fixture.ts'
import type { Front, FrontResponse } from '../../support/front.ts'
import { type Kind, kinds, start, type Upstream, versionOf } from '../../support/fronts.ts'
import { outcome, own, rows, size, version } from '../../support/outcomes.ts'
import { ask, field } from '../../support/raw.ts'
import {
  bytesPassed,
  contentRange,
  type Cut,
  type Exchange,
  record,
  type Recorder,
} from '../../support/recorder.ts'

const folder = temporaryFolder()
const media = path.join(folder, 'media')
const modified = new Date('2025-01-01T10:00:00Z')
const MiB = 1024 * 1024
const large = pattern(24 * MiB)
const bytes = large.subarray(0, size)
const other = Buffer.alloc(size, 'B')

/** Whether every upstream request is complete. */
const isSettled = ({ status, fields, passed, method }: Exchange) =>
  status > 0 && (method === 'HEAD' || passed >= Number(fields.get('content-length') ?? 0))

/** A front that runs, and what passes between it and the workers. */
interface Running {
  readonly front: Front
  readonly recorder: Recorder
  /** The tags of all responses of one file. */
  readonly tags: Set<string>
  /** Its departures. */
  readonly departures: string[]
}
const running = new Map<Kind, Running>()
let origin: Example

beforeAll(async () => {
  fs.mkdirSync(media)
  fs.chmodSync(folder, 0o755)
  for (const name of ['large', 'parallel', 'death']) write(name, large)
  for (const name of ['file', 'cut', ...kinds.map(fileOf)]) write(name, bytes)
  origin = await startExample('fronts/origin.mjs', [process.execPath], {}, [media])
  const installed = kinds.filter(({ program }) => findProgram(program))
  await Promise.all(
    installed.map(async (kind) => {
      const recorder = await record(origin.port, interrupt(kind))
      const front = await start(kind, path.join(folder, fileOf(kind)), recorder.port)
      running.set(kind, { front, recorder, tags: new Set(), departures: [] })
    }),
  )
})

afterAll(async () => {
  const ended = [...running.values()].map(async ({ front, recorder }) => {
    await front.close()
    await recorder.close()
  })
  await Promise.all(ended)
  origin?.stop()
})

function write(name: string, content: Uint8Array, when = modified): void {
  const target = path.join(media, name)
  writeOldFile(`${target}~`, content, when)
  fs.renameSync(`${target}~`, target)
}

const fileOf = (kind: Kind) => kind.name.replaceAll(/\W+/g, '-')

/** The paths whose next response is interrupted. */
const left = new Map(kinds.map((kind) => [kind, new Set(['/cut', '/death'])]))

/** Cuts one response of `/cut`, or its second slice, and kills the worker that sends `/death`. */
function interrupt(kind: Kind): Cut {
  return ({ path: url, fields }) => {
    if (Number(fields.get('content-length')) <= 700_000) return undefined
    if (url === '/cut' && !kind.isWhole && contentRange(fields).firstPos !== MiB) return undefined
    if (!left.get(kind)!.delete(url)) return undefined
    if (url === '/cut') return 700_000
    process.kill(Number(fields.get('x-worker')), 'SIGKILL')
    return undefined
  }
}

const table = kinds.map((kind) => [kind.name, kind] as const)
describe.each(table)('%s', (_name, kind) => {
  describeWith(kind.program, 'in front of two workers', (command) => {
    const get: Front['get'] = (...args) => running.get(kind)!.front.get(...args)

    /** What was requested upstream for a path since the last call. */
    async function upstream(url: string): Promise<Upstream> {
      const { recorder } = running.get(kind)!
      const exchanges = () => recorder.exchanges.filter((each) => each.path === url)
      await until('all bytes have arrived', () => exchanges().every((each) => isSettled(each)))
      const before = counted.get(url) ?? [0, 0]
      const now: Upstream = [exchanges().length, bytesPassed(exchanges())]
      counted.set(url, now)
      return [now[0] - before[0], now[1] - before[1]]
    }
    const counted = new Map<string, Upstream>()

    it.each(['cold', 'warm'])('responds as the origin would, %s', async () => {
      const { tags, departures, recorder } = running.get(kind)!
      for (const [name, expected, headers, method] of rows) {
        const [etag = ''] = [...tags]
        const sent = Object.entries(headers).map(([field, value]) => [
          field,
          value === own ? etag : value,
        ])
        const response = await get('/file', Object.fromEntries(sent), method)
        const found = outcome(response, bytes, method)
        if (response.fields.etag !== undefined) tags.add(response.fields.etag)
        if (found !== expected) departures.push(`${name}: ${found}`)
        expect.soft([expected, kind.otherwise[name]], name).toContain(found)
        await until('all bytes have arrived', () =>
          recorder.exchanges.every((each) => isSettled(each)),
        )
      }
      expect([...tags]).toEqual([expect.stringMatching(/^"/)])
    })

    it('requests upstream what the table in the README lists', async () => {
      const range = { Range: 'bytes=12000000-12099999' }
      const found: Upstream[] = []
      for (let i = 0; i < 2; i++) {
        const { content } = await get('/large', range)
        expect(content.equals(large.subarray(12_000_000, 12_100_000))).toBe(true)
        found.push(await upstream('/large'))
      }
      const read = async (at: number) => {
        const { content } = await get('/parallel', { Range: `bytes=${at}-${at + 199_999}` })
        expect(content.equals(large.subarray(at, at + 200_000))).toBe(true)
      }
      const starts = Array.from({ length: 20 }, (_, i) => i * 1_200_000)
      // Traffic Server needs the first slice for each range, and may request it twice if it lacks it.
      const needsFirst = kind.cold[0] > 1
      if (needsFirst) await read(starts.shift()!)
      await Promise.all(starts.map(read))
      found.push(await upstream('/parallel'))
      expect(found).toEqual([kind.cold, kind.warm, kind.parallel])
    })

    it('never mixes a file with the one that replaced it', async () => {
      const url = `/${fileOf(kind)}`
      const first = await get(url, { Range: 'bytes=0-99' })
      await upstream(url)
      write(url, other, new Date(+modified + 1000))
      const found: string[] = []
      for (const range of ['bytes=0-99', 'bytes=3000000-3000099', undefined, undefined]) {
        const response = await get(url, range === undefined ? {} : { Range: range })
        found.push(version(response, { A: bytes, B: other }, first.fields.etag))
      }
      expect(found).toEqual(kind.replaced)
    })

    it('cuts off what the origin cut off, and keeps none of it', async () => {
      const broken = await get('/cut')
      expect(broken.isComplete && broken.status < 500).toBe(false)
      const isPrefix = broken.content.equals(bytes.subarray(0, broken.content.length))
      if (broken.status === 200 && !isPrefix) {
        expect(kind.otherwise['a cut']).toBe('bytes are left out')
        running.get(kind)!.departures.push('a cut: bytes are left out')
      } else expect((await resume(kind, '/cut', broken)).equals(bytes)).toBe(true)
      expect(outcome(await get('/cut'), bytes)).toBe('200')
    })

    it('has passed requests to both workers', () => {
      const { departures, recorder } = running.get(kind)!
      const workers = recorder.exchanges.map(({ fields }) => fields.get('x-worker'))
      expect(new Set(workers).size).toBeGreaterThan(1)
      const named = [...new Set(departures)].map((each) => `\n  ${each}`).join('')
      console.log(
        `${kind.name} ${versionOf(kind, command)}: ${departures.length} otherwise${named}`,
      )
    })
  })
})

// Others request slices, which a worker has sent before it can be ended.
describe.each(table.filter(([, { isWhole }]) => isWhole))('%s', (_name, kind) => {
  describeWith(kind.program, 'in front of a worker that dies', () => {
    it('cuts the download, which resumes at the other worker', async () => {
      const { front, recorder } = running.get(kind)!
      await bothWork()
      // Again if this is a retry: Node's cluster may keep a connection open whose worker died at once.
      left.get(kind)!.add('/death')
      const broken = await front.get('/death')
      expect([broken.isComplete, broken.content.length > 0]).toEqual([false, true])
      expect((await resume(kind, '/death', broken)).equals(large)).toBe(true)
      const exchanges = recorder.exchanges.filter((each) => each.path === '/death')
      expect(new Set(exchanges.map(({ fields }) => fields.get('x-worker'))).size).toBe(2)
    })
  })
})

/** Waits until the worker that died last has been replaced. */
async function bothWork(): Promise<void> {
  const workers = new Set<string>()
  await until('two workers respond', async () => {
    const response = await ask(origin.port, { method: 'HEAD', path: '/file' }).catch(
      () => undefined,
    )
    const worker = response && field(response, 'X-Worker')
    if (worker) workers.add(worker)
    return [...workers].filter((pid) => fs.existsSync(`/proc/${pid}/exe`)).length > 1
  })
}

/** The download, continued from where it broke off. */
async function resume(kind: Kind, url: string, broken: FrontResponse): Promise<Buffer> {
  const { status, fields, content } = broken
  const { get } = running.get(kind)!.front
  if (status !== 200 || content.length === 0) return (await get(url)).content
  const headers = { Range: `bytes=${content.length}-`, 'If-Range': fields.etag }
  let rest = await get(url, headers)
  // The connection may have been given to the worker that was just dying.
  for (let i = 0; i < 3 && rest.status >= 500; i++) rest = await get(url, headers)
  expect([rest.status, rest.isComplete]).toEqual([206, true])
  return Buffer.concat([content, rest.content])
}
