// Express's weak tags are hashes of the exact bytes: downloads resume with `rangeServe()` alone.

import { createHash } from 'node:crypto'
import type { Application, RequestHandler, Response } from 'express'
import compression from 'compression'
import { afterEach, describe, expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { expressApps, startExpress5 } from '../support/express-apps.ts'
import { bytes } from '../support/files.ts'
import type { Running } from '../support/listen.ts'
import { ask, field, type RawResponse } from '../support/raw.ts'

type Line = [name: string, value: string]
const text = 'lorem ipsum '.repeat(3000)
const range: Line = ['Range', 'bytes=5-9']
const past = 'Tue, 03 Nov 2026 12:00:00 GMT'

/** What Express makes of the content that its function for tags is recognised by. */
const expressTag = `W/"b-${createHash('sha1').update('range-serve').digest('base64').slice(0, 27)}"`

/** Middleware that changes a response as it ends. */
const altering =
  (change: (response: Response) => unknown, ...content: string[]): RequestHandler =>
  (_request, response, next) => {
    const { end } = response
    response.end = (...args: unknown[]) => {
      change(response)
      return Reflect.apply(end, response, content.length > 0 ? content : args)
    }
    next()
  }

/** Middleware that writes other content, and then ends a response. */
const writing =
  (content: string): RequestHandler =>
  (_request, response, next) => {
    const { end } = response
    response.end = () => {
      response.write(content)
      return Reflect.apply(end, response, [])
    }
    next()
  }

describe.each(expressApps)('%s', (_name, start) => {
  let running: Running
  afterEach(() => running.close())

  const get = (...headers: Line[]): Promise<RawResponse> => ask(running.port, { headers })

  const kinds: [what: string, handler: RequestHandler][] = [
    ['bytes', (_, response) => void response.type('bin').send(bytes)],
    ['a string', (_, response) => void response.send(text)],
    ['JSON', (_, response) => void response.json({ text })],
    ['nothing', (_, response) => void response.send('')],
  ]
  it.each(kinds)('sends a strong tag for %s', async (what, handler) => {
    running = await start(handler)
    const bare = field(await get(), 'ETag')!
    await running.close()
    running = await start(rangeServe(), handler)
    const strong = bare.slice(2)
    expect(bare).toBe(`W/${strong}`)
    const isEmpty = what === 'nothing'
    const rows: [status: number, ...Line[]][] = [
      [200],
      [200, ['If-None-Match', '"v0"']],
      [isEmpty ? 200 : 206, range],
      // Resumed as Chromium and curl do, as Firefox does, and by a client that removed the W/.
      [isEmpty ? 200 : 206, range, ['If-Range', strong]],
      [isEmpty ? 200 : 206, range, ['If-Match', strong]],
      [200, range, ['If-Range', bare]],
      [304, ['If-None-Match', strong]],
      [304, ['If-None-Match', bare]],
      [304, range, ['If-None-Match', strong]],
      [304, ['If-Match', strong], ['If-None-Match', strong]],
      [412, ['If-Match', '"v0"'], ['If-None-Match', strong]],
      [412, ['If-Match', bare]],
    ]
    for (const [status, ...headers] of rows) {
      const response = await get(...headers)
      expect(response.status, headers.join(' ')).toBe(status)
      const due = status === 412 ? undefined : strong
      expect(field(response, 'ETag'), headers.join(' ')).toBe(due)
    }
    const head = await ask(running.port, { method: 'HEAD' })
    expect(field(head, 'ETag')).toBe(strong)
    const unchanged = await ask(running.port, {
      method: 'HEAD',
      headers: [['If-None-Match', strong]],
    })
    expect([unchanged.status, field(unchanged, 'ETag')]).toEqual([304, strong])
  })

  it.each<[what: string, ...headers: Line[]]>([
    ['no condition'],
    ['a condition', ['If-None-Match', '"v0"']],
  ])(
    'leaves what is not filtered, or changed on its way, a weak tag (%s)',
    async (_, ...headers) => {
      const changed: [path: string, handler: RequestHandler][] = [
        ['/altered', altering((response) => response.removeHeader('Content-Length'), 'other')],
        ['/restated', altering((response) => (response.statusCode = 202))],
        ['/failed', (_request, response, next) => next(response.status(404) && undefined)],
        [
          '/none',
          (_request, response, next) => next(response.set('Accept-Ranges', 'none') && undefined),
        ],
      ]
      running = await start(
        ...['/strong', ...changed.map(([path]) => path)].map(
          (path) => [path, rangeServe()] as const,
        ),
        ...changed,
        (_request, response) => void response.send('some text'),
      )
      const tagAt = async (path: string) =>
        field(await ask(running.port, { path, headers }), 'ETag')
      const strong = await tagAt('/strong')
      expect(strong).toMatch(/^"9-/)
      for (const path of ['/', ...changed.map((each) => each[0])]) {
        expect(await tagAt(path), path).toBe(`W/${strong}`)
      }
    },
  )

  it('leaves the tag of a response that is sent while another is being sent weak', async () => {
    const waiting: { send(content: unknown): unknown }[] = []
    const flush: RequestHandler = (_, response, next) => {
      const { end } = response
      response.end = (...args: unknown[]) => {
        for (const each of waiting.splice(0)) each.send('some text')
        return Reflect.apply(end, response, args)
      }
      next()
    }
    running = await start(
      ['/waiting', (_, response) => void waiting.push(response)],
      rangeServe(),
      flush,
      (_, response) => void response.send({ toJSON: () => 'some text' }),
    )
    const first = ask(running.port, { path: '/waiting' })
    await expect.poll(() => waiting.length).toBe(1)
    expect(field(await get(), 'ETag')).toMatch(/^"b-/)
    expect(field(await first, 'ETag')).toMatch(/^W\/"9-/)
  })

  it.each<[setting: unknown, etag: string | undefined]>([
    ['strong', '"9-'],
    [false, undefined],
    [() => 'W/"own"', 'W/"own"'],
    [(content: Buffer) => (content.length === 9 ? 'W/"own"' : expressTag), 'W/"own"'],
  ])('respects the setting etag: %s, whenever it is set', async (setting, etag) => {
    let isSet = true
    running = await start(rangeServe(), (request, response) => {
      if (isSet) request.app.set('etag', setting)
      response.send('some text')
    })
    const matches = etag === undefined ? etag : (expect.stringContaining(etag) as string)
    expect(field(await get(), 'ETag')).toEqual(matches)
    await running.close()
    isSet = false
    running = await start(rangeServe(), (request, response) => {
      if (isSet) request.app.set('etag', setting)
      response.send('some text')
    })
    expect(field(await get(), 'ETag')).toMatch(/^"9-/)
    isSet = true
    expect(field(await get(), 'ETag')).toEqual(matches)
  })

  it.each<[what: string, guard: (app: Application) => void]>([
    ['frozen', (app) => Object.freeze(Reflect.get(app, 'settings'))],
    [
      'guarded',
      (app) => {
        const { set } = app
        app.set = (...args: [string, unknown?]) =>
          args.length > 1 ? expect.unreachable() : Reflect.apply(set, app, args)
      },
    ],
  ])('sends a strong tag if the settings are %s', async (_what, guard) => {
    running = await start(
      (request, _response, next) => {
        guard(request.app)
        next()
      },
      rangeServe(),
      (_, response) => void response.send('some text'),
    )
    expect(field(await get(), 'ETag')).toMatch(/^"9-/)
  })

  it('sends a response that has `send` and no application', async () => {
    running = await start(
      (_, response, next) => {
        const { end } = response
        Object.assign(response, {
          end: (...args: unknown[]) => Reflect.apply(end, response, args),
          send: (content: string) => response.type('txt').end(content),
        })
        Object.defineProperty(response, 'app', { value: undefined })
        next()
      },
      rangeServe(),
      (_, response) => void response.send('some text'),
    )
    const part = await get(range)
    expect([part.status, String(part.content)]).toEqual([206, 'text'])
  })

  it('resumes a download that was cut off, and restarts one whose content has changed', async () => {
    let content = bytes
    running = await start(rangeServe(), (_, response) => void response.send(content))
    const etag = field(await get(['Range', 'bytes=0-999']), 'ETag')!
    const rest: Line = ['Range', 'bytes=1000-']
    const same = await get(rest, ['If-Range', etag])
    expect(same.status).toBe(206)
    expect(same.content.equals(bytes.subarray(1000))).toBe(true)
    content = Buffer.from(bytes).fill(1, 5000, 5001)
    const other = await get(rest, ['If-Range', etag])
    expect(other.status).toBe(200)
    expect(other.content.equals(content)).toBe(true)
    expect((await get(rest, ['If-Match', etag])).status).toBe(412)
  })

  const hash = '2jmj7l5rSw0yVb/vlWAYkK/YBwk'
  it.each<[what: string, etag: string, fields?: Line[]]>([
    ['a tag of its own', 'W/"v1"'],
    ['the tag of other content', `W/"8-${hash}"`],
    ['the tag of an encoding', `W/"9-${hash}"`, [['Content-Encoding', 'br']]],
    ['a strong tag', '"v1"'],
  ])('does not change %s', async (_what, etag, fields = []) => {
    running = await start(rangeServe(), (_request, response) => {
      for (const [name, value] of [['ETag', etag] as Line, ...fields]) response.set(name, value)
      response.send('some text')
    })
    for (const headers of [[], [range], [['If-None-Match', etag] as Line]]) {
      expect(field(await get(...headers), 'ETag')).toBe(etag)
    }
  })

  it.each(['before', 'after'])('gives each coding a tag, with compression %s', async (order) => {
    const uses = [compression(), rangeServe()]
    if (order === 'after') uses.reverse()
    running = await start(...uses, (_, response) => void response.type('txt').send(text))
    const plain = field(await get(), 'ETag')!
    expect(plain).toMatch(/^"/)
    const accept: Line = ['Accept-Encoding', 'gzip']
    const encoded = await get(accept)
    expect(field(encoded, 'Content-Encoding')).toBe('gzip')
    const tag = `W/${plain.slice(0, -1)}-gzip"`
    expect(field(encoded, 'ETag')).toBe(tag)
    const known = await get(accept, ['If-None-Match', tag])
    expect([known.status, field(known, 'ETag')]).toEqual([304, tag])
    const foreign = await get(['Accept-Encoding', 'identity'], ['If-None-Match', tag])
    expect([foreign.status, field(foreign, 'ETag')]).toEqual([200, plain])
    const slice = await get(range, ['If-None-Match', tag])
    expect([slice.status, field(slice, 'ETag')]).toEqual([206, plain])
    expect(field(slice, 'Vary')).toBe('Accept-Encoding')
    // Stored when encodings had the tag of the plain bytes: it is not promoted to a strong one.
    const old = await get(accept, ['If-None-Match', `W/${plain}`])
    expect([old.status, field(old, 'ETag')]).toEqual([304, `W/${plain}`])
  })

  it.each(['set', 'given to writeHead'])(
    'recognises the tag of a coding if Vary is %s',
    async (how) => {
      running = await start(rangeServe(), (_, response) => {
        const fields = { ETag: '"v1"', 'Content-Length': '36' }
        if (how === 'set') response.set('Vary', 'Accept-Encoding').writeHead(200, fields)
        else response.writeHead(200, { ...fields, Vary: 'Accept-Encoding' })
        response.end('x'.repeat(36))
      })
      const known = await get(['Accept-Encoding', 'gzip'], ['If-None-Match', 'W/"v1-gzip"'])
      expect([known.status, field(known, 'ETag')]).toEqual([304, 'W/"v1-gzip"'])
      expect((await get(['If-None-Match', 'W/"v2-gzip"'])).status).toBe(200)
    },
  )

  describe('req.fresh', () => {
    it.each<[fresh: boolean, what: string, fields: Line[], ...conditions: Line[]]>([
      [false, 'no condition', [['ETag', '"v1"']]],
      [true, 'a tag', [['ETag', '"v1"']], ['If-None-Match', '"v0", W/"v1"']],
      [false, 'another tag', [['ETag', '"v1"']], ['If-None-Match', '"v0"']],
      [false, 'a part of a tag', [['ETag', '"b"']], ['If-None-Match', '"a,"b",c"']],
      [true, 'a tag with a comma', [['ETag', '"a,b"']], ['If-None-Match', '"a,b"']],
      [true, 'a date', [['Last-Modified', past]], ['If-Modified-Since', past]],
      [false, 'no date', [['Last-Modified', past]], ['If-Modified-Since', '2099-01-01']],
      [
        false,
        'If-Match before If-None-Match',
        [['ETag', '"v1"']],
        ['If-Match', '"v0"'],
        ['If-None-Match', '"v1"'],
      ],
      [true, 'the tag of an encoding', [['ETag', '"v1"'], ['Vary', 'Accept-Encoding']], ['If-None-Match', 'W/"v1-gzip"']], // prettier-ignore
    ])('is %s for %s, and req.stale the opposite', async (fresh, _what, fields, ...conditions) => {
      const seen: unknown[] = []
      running = await start(rangeServe(), (request, response) => {
        for (const [name, value] of fields) response.set(name, value)
        seen.push(request.fresh, request.stale)
        response.status(404)
        seen.push(request.fresh)
        response.end()
      })
      await get(...conditions)
      expect(seen).toEqual([fresh, !fresh, false])
    })

    it('is that of Express before and without the filter', async () => {
      const look: RequestHandler = (request, response, next) => {
        response.set('ETag', '"v1"').append('X-Fresh', String(request.fresh))
        next()
      }
      running = await start(look, rangeServe({ acceptRanges: false }), look, (_, response) => {
        response.send(text)
      })
      const conditions: Line[] = [['If-Match', '"v0"'], ['If-None-Match', '"v1"']] // prettier-ignore
      const response = await get(...conditions)
      expect(response.fields.get('x-fresh')).toEqual(['true', 'true'])
      expect(response.status).toBe(304)
    })

    it('lets a handler respond by itself, and reports its 304', async () => {
      const told: number[] = []
      const filter = rangeServe({ onTransfer: ({ status }) => told.push(status) })
      running = await start(filter, (request, response) => {
        response.set('ETag', '"v1"')
        if (request.fresh) response.status(304).end()
        else response.send(text)
      })
      expect((await get(['If-None-Match', '"v1"'])).status).toBe(304)
      expect((await get(['If-None-Match', '"v0"'])).status).toBe(200)
      expect(told).toEqual([304, 200])
    })
  })
})

// Express 4's tags are known by their form alone.
describe('Express 5', () => {
  it.each<[what: string, ...headers: Line[]]>([
    ['no condition'],
    ['a condition', ['If-None-Match', '"v0"']],
    ['a range', ['Range', 'bytes=0-3']],
  ])('tags strongly what was hashed, not as many other bytes (%s)', async (_, ...headers) => {
    const rows: [path: string, sends: RequestHandler, isStrong: boolean][] = [
      ['/other', altering(() => {}, 'text some'), false],
      ['/written', writing('text some'), false],
      ['/same', altering(() => {}, 'some text'), true],
      ['/written-same', writing('some text'), true],
      ['/encoded', altering(() => {}, '736f6d652074657874', 'hex'), true],
    ]
    const running = await startExpress5(
      rangeServe(),
      ...rows.map(([path, sends]) => [path, sends] as const),
      (_request, response) => void response.send('some text'),
    )
    const strong = field(await ask(running.port, {}), 'ETag')!
    for (const [path, , isStrong] of rows) {
      const response = await ask(running.port, { path, headers })
      expect(field(response, 'ETag'), path).toBe(isStrong ? strong : `W/${strong}`)
    }
    await running.close()
  })
})
