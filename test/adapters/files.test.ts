// Files of every kind: just written, with odd times, without a size; and the folders that contain them.

import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type FileStats, respond, type SendOptions, type Servable } from '@range-serve/core'
import type { RangeServeOptions } from '@range-serve/express'
import { adapters, rangeServe, rangeStatic } from '../support/adapters.ts'
import { pattern, temporaryFolder } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { ask, field } from '../support/raw.ts'

const folder = temporaryFolder()
const bytes = pattern(1000)

/** The ways to name a file, which all give the same validators. */
const ways: readonly [name: string, open: (filePath: string) => Promise<Servable>][] = [
  ['path', async (filePath) => filePath],
  ['FileHandle', (filePath) => fs.promises.open(filePath)],
]

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  const handles: fs.promises.FileHandle[] = []
  afterEach(async () => {
    await running.close()
    await Promise.all(handles.splice(0).map((handle) => handle.close()))
  })

  async function startWith(
    [, open]: (typeof ways)[number],
    filePath: string,
    options?: SendOptions,
  ): Promise<void> {
    running = await start(async () => {
      const servable = await open(filePath)
      if (typeof servable === 'object' && 'fd' in servable) handles.push(servable)
      return servable
    }, options)
  }

  describe.each(ways)('by %s', (...way) => {
    const own = (what: string) => path.join(folder, `${name} ${way[0]} ${what}`)

    it('gives a file that is being written a weak tag of another text', async () => {
      const filePath = own('growing')
      fs.writeFileSync(filePath, bytes)
      await startWith(way, filePath)
      const timer = setInterval(() => fs.appendFileSync(filePath, 'a'), 3)
      const early = new Set<string>()
      // A busy machine can leave the file alone long enough for it to settle in between.
      for (let i = 0; i < 100 && ![...early].some((etag) => etag.startsWith('W/')); i++) {
        early.add(field(await ask(running.port, {}), 'ETag')!)
      }
      clearInterval(timer)
      const late = field(await ask(running.port, {}), 'ETag')!
      expect(late).toMatch(/^"/)
      const weak = [...early].filter((etag) => etag.startsWith('W/'))
      expect(weak).toHaveLength(1)
      expect(weak).not.toContain(`W/${late}`)
    })

    it.each([0, 1, 315_532_800, 499_162_500])(
      'never joins two files with the mtime %i',
      async (mtime) => {
        const [one, two] = ['one', 'two'].map((each) => own(`${mtime} ${each}`)) as [string, string]
        const current = own(`${mtime} current`)
        const [a, b] = ['a', 'b'].map((letter) => Buffer.alloc(1000, letter)) as [Buffer, Buffer]
        fs.writeFileSync(one, a)
        fs.writeFileSync(two, b)
        for (const each of [one, two]) fs.utimesSync(each, mtime, mtime)
        fs.symlinkSync(one, current)
        await startWith(way, current)
        const first = await ask(running.port, { headers: [['Range', 'bytes=0-499']] })
        expect(first.fields.has('last-modified')).toBe(false)
        const etag = field(first, 'ETag')!
        expect(etag).toMatch(/^"/)
        fs.rmSync(current)
        fs.symlinkSync(two, current)
        const rest = await ask(running.port, { headers: [['Range', 'bytes=500-'], ['If-Range', etag]] }) // prettier-ignore
        expect(rest.status).toBe(200)
        expect(rest.content.equals(b)).toBe(true)
        const again = await ask(running.port, { headers: [['If-None-Match', etag]] })
        expect(again.status).toBe(200)
      },
    )

    it('gives a file with a future mtime a strong tag, and the date of the response', async () => {
      const filePath = own('future')
      fs.writeFileSync(filePath, bytes)
      fs.utimesSync(filePath, 4e9, 4e9)
      await startWith(way, filePath)
      const first = await ask(running.port, {})
      expect(Date.parse(field(first, 'Last-Modified')!)).toBeLessThanOrEqual(Date.now())
      const etag = field(first, 'ETag')!
      const rest = await ask(running.port, { headers: [['Range', 'bytes=500-'], ['If-Range', etag]] }) // prettier-ignore
      expect(rest.status).toBe(206)
    })

    it('gives an etag function what fs.Stats has', async () => {
      const filePath = own('stats')
      fs.writeFileSync(filePath, bytes)
      let seen: FileStats | undefined
      const etag = (stats: FileStats) => ((seen = stats), `"${stats.ino}-${stats.ctimeNs}"`)
      await startWith(way, filePath, { etag })
      const { ino, size } = fs.statSync(filePath)
      const { ctimeNs, mtimeNs, ctime, mtime, birthtime } = fs.statSync(filePath, { bigint: true })
      expect(field(await ask(running.port, {}), 'ETag')).toBe(`"${ino}-${ctimeNs}"`)
      expect(seen).toEqual({ ino, size, ctimeNs, mtimeNs, ctime, mtime, birthtime })
    })

    it.runIf(fs.existsSync('/proc/version'))('serves /proc without validators', async () => {
      const expected = fs.readFileSync('/proc/version')
      await startWith(way, '/proc/version')
      const whole = await ask(running.port, {})
      expect(whole.status).toBe(200)
      expect(whole.content.equals(expected)).toBe(true)
      for (const each of ['ETag', 'Last-Modified']) expect(field(whole, each)).toBeUndefined()
      const part = await ask(running.port, { headers: [['Range', 'bytes=2-5']] })
      expect(part.status).toBe(206)
      expect(part.content.equals(expected.subarray(2, 6))).toBe(true)
    })
  })
})

describe('a file written just now', () => {
  it('has the strong tag that it keeps, and a date that is strong two seconds later', async () => {
    const handles: fs.promises.FileHandle[] = []
    const all = frameworks.flatMap(([name, start]) =>
      ways.map(async ([by, open]) => {
        const what = `${name} by ${by}`
        const filePath = path.join(folder, `${what} young`)
        const running = await start(async () => {
          const servable = await open(filePath)
          if (typeof servable === 'object' && 'fd' in servable) handles.push(servable)
          return servable
        })
        const rest = (validator: string) =>
          ask(running.port, { headers: [['Range', 'bytes=500-'], ['If-Range', validator]] }) // prettier-ignore
        fs.writeFileSync(filePath, bytes)
        const first = await ask(running.port, {})
        const [etag, date] = [field(first, 'ETag')!, field(first, 'Last-Modified')!]
        expect(etag, what).toMatch(/^"/)
        const early = await rest(etag)
        expect(early.status, what).toBe(206)
        expect(early.content.equals(bytes.subarray(500)), what).toBe(true)
        const byDate = await rest(date)
        if (Date.now() - fs.statSync(filePath).ctimeMs < 2000) expect(byDate.status, what).toBe(200)
        await sleep(2100)
        expect(field(await ask(running.port, {}), 'ETag'), what).toBe(etag)
        expect((await rest(date)).status, what).toBe(206)
        await running.close()
      }),
    )
    await Promise.all(all)
    await Promise.all(handles.map((handle) => handle.close()))
  })
})

/** Options as plain JavaScript can give them. */
const untyped = (options: Record<string, unknown>) => options as SendOptions

describe.each(frameworks)('the options of %s', (name, start) => {
  const root = path.join(folder, `root ${name.replace(':', '-')}`)
  fs.mkdirSync(root)
  fs.writeFileSync(path.join(root, 'file'), bytes)

  it.each<[option: string, options: SendOptions]>([
    ['dotfiles', { dotfiles: 'deny' }],
    ['dotfiles', untyped({ dotfiles: 'ignore', root: undefined })],
    ['followSymlinks', { followSymlinks: false }],
  ])('refuses %s without a root', async (option, options) => {
    const running = await start(() => path.join(root, 'file'), options)
    try {
      expect((await ask(running.port, {})).status).toBe(500)
      const [error] = running.errors as [TypeError & { code?: string }]
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARGUMENT')
      expect(error.message).toMatch(new RegExp(`${option}.*root`))
    } finally {
      await running.close()
    }
  })

  it('treats an option that is undefined as one that is not given', async () => {
    const names = 'type etag lastModified cacheControl maxAge immutable filename headers acceptRanges maxRanges maxSkip root dotfiles followSymlinks reads signal onTransfer' // prettier-ignore
    const none = Object.fromEntries(names.split(' ').map((each) => [each, undefined]))
    const plain = await start(() => path.join(root, 'file'))
    const said = await start(() => path.join(root, 'file'), untyped(none))
    try {
      const [expected, actual] = [await ask(plain.port, {}), await ask(said.port, {})]
      const fieldsOf = ({ fields }: typeof actual) =>
        [...fields].filter(([each]) => each !== 'date')
      expect(fieldsOf(actual)).toEqual(fieldsOf(expected))
      expect(actual.content.equals(expected.content)).toBe(true)
    } finally {
      await Promise.all([plain.close(), said.close()])
    }
  })
})

describe('the root of rangeServe', () => {
  const root = path.join(folder, 'public')
  const secret = path.join(folder, 'secret')
  fs.mkdirSync(root)
  fs.writeFileSync(secret, 'a secret')
  fs.writeFileSync(path.join(root, '.hidden'), 'hidden')

  it.each(adapters)('is not lifted by an option that is undefined: %s', async (_, start) => {
    const undefinedRoot = untyped({ root: undefined, dotfiles: undefined })
    const cases: [number, RangeServeOptions, string, SendOptions?][] = [
      [404, { root }, secret, undefinedRoot],
      [404, { root }, secret],
      [404, { root }, '.hidden', undefinedRoot],
      [200, { root, dotfiles: 'allow' }, '.hidden', undefinedRoot],
      [200, { dotfiles: 'allow' }, '.hidden', { root }],
      // Defaults about a root have no effect without one.
      [200, { dotfiles: 'deny', followSymlinks: false }, secret],
    ]
    for (const [status, defaults, file, own] of cases) {
      const running = await start(rangeServe(defaults), ({ sendRange }) => sendRange(file, own))
      expect((await ask(running.port, {})).status, JSON.stringify({ defaults, file })).toBe(status)
      await running.close()
    }
  })
})

describe.each(adapters)('rangeStatic with an index, in %s', (name, start) => {
  it('does not find an index that is a folder', async () => {
    const root = path.join(folder, `${name} index`)
    fs.mkdirSync(path.join(root, 'index.html/index.html'), { recursive: true })
    fs.mkdirSync(path.join(root, 'sub/index.html'), { recursive: true })
    const running = await start(rangeStatic(root, { index: 'index.html' }))
    try {
      for (const target of ['/', '/sub/', '/index.html/', '/sub/index.html/']) {
        expect((await ask(running.port, { path: target })).status, target).toBe(299)
      }
      // A folder without its slash is redirected, once.
      for (const target of ['/sub', '/index.html']) {
        const redirect = await ask(running.port, { path: target })
        expect(redirect.status, target).toBe(301)
        expect(field(redirect, 'Location')).toBe(`.${target}/`)
      }
    } finally {
      await running.close()
    }
  })
})

describe('respond', () => {
  it('throws at the call if an option needs a root and none is given', () => {
    const file = path.join(folder, 'any')
    const call = () => respond({ method: 'GET', headers: {} }, file, { dotfiles: 'allow' })
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  })
})
