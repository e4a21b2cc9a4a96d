// What options do to a response, which arguments calls refuse, and which middleware frameworks refuse.

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import * as core from '@range-serve/core'
import { fromBuffer, fromReader, type SendOptions } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { adapters, type Part, rangeServe, rangeStatic } from '../support/adapters.ts'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { ask, field } from '../support/raw.ts'
import type { App } from '../support/apps.ts'
import { expressApps } from '../support/express-apps.ts'
import { koaApps } from '../support/koa-apps.ts'

const bytes = pattern(5000)
const file = path.join(temporaryFolder(), 'clip.mp4')
writeOldFile(file, bytes, new Date('2020-01-01T00:00:00Z'))

describe.each(frameworks)('sendRange of %s', (_name, start) => {
  let app: Sent
  afterEach(() => app.close())
  const range = (value: string) => ask(app.port, { headers: [['Range', `bytes=${value}`]] })

  it.each<[what: string, make: () => Promise<string | Buffer | ReturnType<typeof fromBuffer>>]>([
    ['a path', async () => file],
    ['bytes', async () => bytes],
    ['a source', async () => fromBuffer(bytes)],
    ['bytes that come late', () => new Promise((resolve) => setTimeout(resolve, 5, bytes))],
  ])('waits for a promise of %s', async (_, make) => {
    app = await start(make)
    const response = await range('100-199')
    expect(response.status).toBe(206)
    expect(response.content.equals(bytes.subarray(100, 200))).toBe(true)
  })

  it.each<[what: string, make: () => Promise<unknown>, code: string, status: number]>([
    ['undefined', async () => undefined, 'ERR_INVALID_ARGUMENT', 500],
    ['a number', async () => 5, 'ERR_INVALID_ARGUMENT', 500],
    ['a Response', async () => new Response('a'), 'ERR_INVALID_ARGUMENT', 500],
    ['a path that does not exist', async () => `${file}.none`, 'ENOENT', 404],
    ['a row, which rejects', () => Promise.reject(Object.assign(new Error('no row'), { code: 'ERR_ROW', status: 503 })), 'ERR_ROW', 503],
  ])('reports the error of a promise of %s', async (_, make, code, status) => {
    app = await start(make as () => Promise<string>)
    expect((await range('0-9')).status).toBe(status)
    // Koa reports no 404.
    if (status !== 404) expect(app.errors).toMatchObject([{ code }])
  }) // prettier-ignore

  it.each<[what: string, result: () => unknown, says: string]>([
    ['a Response', () => new Response('a'), 'return response.body'],
    ['a Blob', () => new Blob(['a']), 'return blob.stream()'],
    ['a stream of another kind', () => ({ getReader() {} }), 'it cannot be iterated'],
    ['a locked stream', () => lockedStream(), 'locked'],
  ])('reports a read that resolves to %s', async (_, result, says) => {
    const read = async () => result() as Uint8Array
    app = await start(() => fromReader({ length: 100, read }))
    expect((await range('0-9')).status).toBe(500)
    expect(app.errors).toMatchObject([{ code: expect.stringMatching(/^ERR_/) }])
    expect(String(app.errors[0])).toContain(says)
  })

  it.each<[options: SendOptions, fields: Record<string, string | RegExp | undefined>]>([
    [{ type: 'html' }, { 'Content-Type': 'text/html; charset=utf-8' }],
    [{ type: '.mp4' }, { 'Content-Type': 'video/mp4' }],
    [{ type: 'a/b' }, { 'Content-Type': 'a/b' }],
    [
      { filename: 'a.pdf' },
      { 'Content-Type': 'application/pdf', 'Content-Disposition': /^attachment; filename="?a.pdf"?$/ },
    ],
    [
      { filename: 'a.pdf', disposition: 'inline' },
      { 'Content-Type': 'application/pdf', 'Content-Disposition': /^inline; filename="?a.pdf"?$/ },
    ],
    [{ disposition: 'attachment' }, { 'Content-Disposition': 'attachment' }],
    [{ disposition: 'inline' }, { 'Content-Disposition': 'inline' }],
    [{}, { ETag: undefined }],
    [{ etag: true }, { ETag: /^"3uw-[\w-]{27}"$/ }],
  ])('sets the fields of bytes for %j', async (options, fields) => {
    app = await start(() => bytes, options)
    for (const response of [await ask(app.port, {}), await range('0-9')]) {
      for (const [name, value] of Object.entries(fields)) {
        if (value instanceof RegExp) expect(field(response, name), name).toMatch(value)
        else expect(field(response, name), name).toBe(value)
      }
    }
  }) // prettier-ignore

  it('resumes bytes by the tag that etag: true makes', async () => {
    app = await start(() => bytes, { etag: true })
    const etag = field(await ask(app.port, {}), 'ETag')!
    const conditions = [['Range', 'bytes=4990-'], ['If-Range', etag]] as const // prettier-ignore
    expect(await ask(app.port, { headers: conditions })).toMatchObject({ status: 206 })
    const again = await ask(app.port, { headers: [['If-None-Match', etag]] })
    expect(again.status).toBe(304)
  })

  it.each([
    ['0-', 'bytes 0-999/5000'],
    ['3000-', 'bytes 3000-3999/5000'],
    ['4500-', 'bytes 4500-4999/5000'],
    ['0-4999', 'bytes 0-4999/5000'],
    ['-2000', 'bytes 3000-4999/5000'],
  ])('limits %s by maxResponse: %s', async (value, contentRange) => {
    for (const source of [bytes, file]) {
      app = await start(() => source, { maxResponse: 1000 })
      const response = await range(value)
      expect(field(response, 'Content-Range')).toBe(contentRange)
      const [first, last] = contentRange.match(/\d+/g)!.map(Number)
      expect(response.content.equals(bytes.subarray(first, last! + 1))).toBe(true)
      await app.close()
    }
  })
})

/** A stream that other code reads. */
function lockedStream(): ReadableStream {
  const stream = new Response('a').body!
  stream.getReader()
  return stream
}

describe.each(adapters)('maxResponse of rangeServe, in %s', (_name, start) => {
  it.each<[what: string, part: Part]>([
    ['bytes', ({ send }) => send(bytes)],
    ['a file stream', ({ stream }) => stream(fs.createReadStream(file))],
    [
      'a file stream with its length',
      ({ stream }) => stream(fs.createReadStream(file), bytes.length),
    ],
    ['sendRange', ({ sendRange }) => sendRange(file)],
    ['rangeStatic', rangeStatic(path.dirname(file))],
  ])('limits an open range of %s', async (_, part) => {
    const running = await start(rangeServe({ maxResponse: 1000 }), part)
    try {
      const headers = [['Range', 'bytes=500-']] as const
      const response = await ask(running.port, { path: '/clip.mp4', headers })
      expect(field(response, 'Content-Range')).toBe('bytes 500-1499/5000')
      expect(response.content.equals(bytes.subarray(500, 1500))).toBe(true)
    } finally {
      await running.close()
    }
  })
})

describe('arguments that can never work', () => {
  const calls: [name: string, call: (options: never) => unknown][] = [
    ['rangeServe of Express', (options) => forExpress.rangeServe(options)],
    ['rangeServe of Koa', (options) => forKoa.rangeServe(options)],
    ['rangeStatic of Express', (options) => forExpress.rangeStatic('.', options)],
    ['rangeStatic of Koa', (options) => forKoa.rangeStatic('.', options)],
    ['rangeStatic of core', (options) => core.rangeStatic('.', options)],
    [
      'rangeStatic of Koa and a function',
      (options) => forKoa.rangeStatic(() => undefined, options),
    ],
  ]
  const rows = calls.flatMap(([name, call]) =>
    [null, 'media', 5, ['a'], () => {}].map((options) => [name, options, call] as const),
  )
  it.each(rows)('%s refuses the options %o', (_, options, call) => {
    expect(() => call(options as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
    )
  })

  it('suggests the option of Koa that was meant', () => {
    for (const root of ['.', () => undefined] as const) {
      expect(() => forKoa.rangeStatic(root as string, { prefx: '/media' } as object)).toThrow(
        'rangeStatic has no option "prefx": did you mean prefix?',
      )
    }
  })

  const statics: [name: string, call: (root: never, options?: object) => unknown][] = [
    ['Express', (root, options) => forExpress.rangeStatic(root, options)],
    ['Koa', (root, options) => forKoa.rangeStatic(root, options)],
    ['core', (root, options) => core.rangeStatic(root, options)],
  ]
  describe.each(statics)('rangeStatic of %s', (_, call) => {
    it.each([[null], [undefined], [''], [5], [{}], [new URL('https://host/')], [file]])(
      'refuses the root %o',
      (root) => {
        expect(() => call(root as never)).toThrow(
          expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
        )
      },
    )

    it.each([
      [{ index: true }],
      [{ index: [5] }],
      [{ setHeaders: { 'X-A': 'b' } }],
      [{ onTransfer: 'log' }],
      [{ dotfiles: 'none' }],
      [{ etag: 5 }],
      [{ cacheControl: 60 }],
      [{ headers: { 'X-A': 'b\r\nc' } }],
      [{ maxAge: 'soon' }, 'RangeError'],
    ])('refuses %j', (options, error = 'TypeError') => {
      expect(() => call('.' as never, options)).toThrow(
        expect.objectContaining({ name: error, code: expect.stringMatching(/^ERR_INVALID_/) }),
      )
    })
  })
})

/** Middleware as a newcomer may write it, and what the error is to say. */
type Row = readonly [name: string, middleware: unknown, code: string, says: string]

const inExpress: Row[] = [
  ['rangeServe, not called', forExpress.rangeServe, 'ERR_NOT_CALLED', 'rangeServe()'],
  ['rangeStatic, not called', forExpress.rangeStatic, 'ERR_NOT_CALLED', "rangeStatic('folder')"],
  ['rangeServe of Koa', forKoa.rangeServe(), 'ERR_WRONG_FRAMEWORK', '@range-serve/express'],
  ['rangeStatic of Koa', forKoa.rangeStatic('.'), 'ERR_WRONG_FRAMEWORK', '@range-serve/express'],
]
const inKoa: Row[] = [
  ['rangeServe, not called', forKoa.rangeServe, 'ERR_NOT_CALLED', 'rangeServe()'],
  ['rangeStatic, not called', forKoa.rangeStatic, 'ERR_NOT_CALLED', "rangeStatic('folder')"],
  ['rangeServe of Express', forExpress.rangeServe(), 'ERR_WRONG_FRAMEWORK', '@range-serve/koa'],
  [
    'rangeStatic of Express',
    forExpress.rangeStatic('.'),
    'ERR_WRONG_FRAMEWORK',
    '@range-serve/koa',
  ],
]

type Framework = readonly [name: string, start: (use: never) => Promise<App>, rows: Row[]]
const misuses: Framework[] = [
  ...expressApps.map(([name, start]) => [name, start, inExpress] as const),
  ...koaApps.map(([name, start]) => [name, start, inKoa] as const),
]
describe.each(misuses)('%s', (_name, start, rows) => {
  it.each(rows)('names the mistake: %s', async (_title, middleware, code, says) => {
    const app = await start(middleware as never)
    try {
      expect((await ask(app.port, {})).status).toBe(500)
      expect(app.errors).toMatchObject([
        { name: 'TypeError', code, message: expect.stringContaining(says) },
      ])
    } finally {
      await app.close()
    }
  })
})
