// fromHttp over an origin that misbehaves: what is requested, what is accepted, what is resumed.

import http from 'node:http'
import { fromHttp, type HttpOptions } from '@range-serve/http'
import { afterEach, describe, expect, it } from 'vitest'
import type { Fault } from '../support/fault-proxy.ts'
import { pattern, until } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'
import { readAll, type Stored, useOrigin } from '../support/origin.ts'

const bytes = pattern(400_000)
const lastModified = new Date('2025-01-01T10:00:00Z')
const stored: Stored = { bytes, etag: '"v1"', lastModified, cacheControl: 'private, max-age=60' }
const other: Stored = { ...stored, bytes: Buffer.alloc(400_000, 'b'), etag: '"v2"' }

const origin = await useOrigin(stored)
// Every way out cancels the upstream's body.
afterEach(() => until('no response is under way', () => origin.proxy.underWay === 0, 2000))

const open = (options: HttpOptions = {}) => fromHttp(origin.url, options)
const code = (value: string, status: number) => expect.objectContaining({ code: value, status })

describe('the probe', () => {
  it('is a GET of one byte, without an encoding', async () => {
    const source = await open()
    expect(source).toMatchObject({
      length: bytes.length,
      type: 'video/mp4',
      etag: '"v1"',
      lastModified,
      // The origin is of this repository: it adds this to a part.
      cacheControl: 'private, max-age=60, no-transform',
    })
    expect(origin.proxy.seen).toMatchObject([
      {
        method: 'GET',
        fields: {
          range: 'bytes=0-0',
          'accept-encoding': expect.stringMatching(/^identity(, identity)?$/),
        },
      },
    ])
  })

  it('detects empty content', async () => {
    origin.stored = { ...stored, bytes: Buffer.alloc(0) }
    origin.proxy.faults.push({ status: 416, fields: { 'content-range': undefined } })
    expect(await open()).toMatchObject({ length: 0, etag: '"v1"' })
    for (const { fields } of origin.proxy.seen) {
      expect(fields['accept-encoding']).toMatch(/^identity(, identity)?$/)
    }
    expect(origin.proxy.takeRanges()).toEqual(['bytes=0-0', undefined])
  })

  it('detects an origin without ranges, whose content is then served in full', async () => {
    const whole: Fault = { fields: { 'x-range': 'none' } }
    origin.stored = stored
    const plain = await fromHttp(origin.url, { fetch: withoutRange, headers: {} })
    expect(plain).toMatchObject({ length: bytes.length, acceptRanges: false })
    origin.proxy.faults.push(whole)
    origin.proxy.takeRanges()
    const { content, error } = await readAll(plain, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
    expect(origin.proxy.takeRanges()).toEqual([undefined])
  })

  const refused: [string, Fault, string, number][] = [
    ['404', { status: 404 }, 'ERR_NOT_FOUND', 404],
    ['410', { status: 410 }, 'ERR_NOT_FOUND', 404],
    ['401', { status: 401 }, 'ERR_UPSTREAM_FORBIDDEN', 502],
    ['403', { status: 403 }, 'ERR_UPSTREAM_FORBIDDEN', 502],
    ['304', { status: 304 }, 'ERR_UPSTREAM', 502],
    ['a coding', { fields: { 'content-encoding': 'gzip' } }, 'ERR_UPSTREAM', 502],
    ['a 302 to nowhere', { status: 302 }, 'ERR_UPSTREAM', 502],
  ]
  it.each(refused)('fails at once for %s', async (_what, fault, expected, status) => {
    origin.proxy.faults.push(fault)
    await expect(open()).rejects.toEqual(code(expected, status))
    expect(origin.proxy.seen.length).toBe(1)
  })

  const retried: [string, Fault, string, number][] = [
    ['500', { status: 500 }, 'ERR_UPSTREAM', 502],
    ['502', { status: 502 }, 'ERR_UPSTREAM', 502],
    ['503', { status: 503 }, 'ERR_UPSTREAM_BUSY', 503],
    ['429', { status: 429 }, 'ERR_UPSTREAM_BUSY', 503],
    ['504', { status: 504 }, 'ERR_UPSTREAM_TIMEOUT', 504],
    ['408', { status: 408 }, 'ERR_UPSTREAM_TIMEOUT', 504],
    ['no header', { silent: true }, 'ERR_UPSTREAM_TIMEOUT', 504],
  ]
  it.each(retried)(
    'is repeated after %s, a bounded number of times',
    async (_w, fault, expected, status) => {
      origin.proxy.faults.push(fault, fault)
      await expect(open({ retries: 1, timeout: 100 })).rejects.toEqual(code(expected, status))
      expect(origin.proxy.seen.length).toBe(2)
      origin.proxy.faults.push(fault)
      expect(await open({ retries: 1, timeout: 100 })).toMatchObject({ length: bytes.length })
    },
  )

  it('sends the client the Retry-After of the origin', async () => {
    origin.proxy.faults.push({ status: 503, fields: { 'retry-after': '7' } })
    await expect(open({ retries: 0 })).rejects.toMatchObject({ headers: { 'Retry-After': '7' } })
    origin.proxy.faults.push({ status: 429, fields: { 'retry-after': 'soon\u00fc' } })
    await expect(open({ retries: 0 })).rejects.toMatchObject({ headers: { 'Retry-After': '1' } })
  })

  it('fails for an origin that cannot be reached', async () => {
    const closed = await listen(http.createServer())
    await closed.close()
    const host = `127.0.0.1:${closed.port}`
    const unreachable = fromHttp(`http://${host}/secret?signature=abc`, { retries: 0 })
    await expect(unreachable).rejects.toMatchObject({
      code: 'ERR_UPSTREAM_RESET',
      status: 502,
      message: 'The upstream cannot be reached: ECONNREFUSED',
      upstream: host,
    })
  })

  it('can be left out, and is made once the metadata proves stale', async () => {
    const source = await open({ meta: { length: bytes.length, etag: '"v1"', type: 'text/x-own' } })
    expect(origin.proxy.seen).toEqual([])
    origin.stored = other
    expect((await readAll(source, 0, 9)).error).toEqual(code('ERR_SOURCE_CHANGED', 503))
    expect(await source.reopen!()).toMatchObject({ etag: '"v2"', type: 'text/x-own' })
  })
})

/** A fetch to an origin that ignores Range. */
const withoutRange: typeof fetch = (url, init) => {
  const headers = new Headers(init?.headers)
  headers.delete('range')
  return fetch(url, { ...init, headers })
}

describe('a read', () => {
  const pins: [string, Stored, Record<string, string | undefined>][] = [
    ['a strong tag', stored, { 'if-match': '"v1"', 'if-unmodified-since': undefined }],
    ['a date', { ...stored, etag: 'W/"v1"' }, { 'if-match': undefined, 'if-unmodified-since': 'Wed, 01 Jan 2025 10:00:00 GMT' }], // prettier-ignore
    ['nothing', { ...stored, etag: 'W/"v1"', lastModified: false }, { 'if-match': undefined, 'if-unmodified-since': undefined }], // prettier-ignore
  ]
  it.each(pins)('requests an absolute range, pinned by %s', async (_what, content, fields) => {
    origin.stored = content
    const source = await open({
      headers: { 'x-key': 'k', 'If-None-Match': '"v1"', range: 'bytes=9-' },
    })
    origin.proxy.seen.length = 0
    const { content: read, error } = await readAll(source, 100, 300_099)
    expect(error).toBeUndefined()
    expect(read.equals(bytes.subarray(100, 300_100))).toBe(true)
    const [{ fields: sent }] = origin.proxy.seen as [(typeof origin.proxy.seen)[0]]
    expect(sent.range).toBe('bytes=100-300099')
    expect(sent['x-key']).toBe('k')
    for (const name of ['if-match', 'if-unmodified-since'])
      expect(sent[name], name).toBe(fields[name])
    for (const name of ['if-range', 'if-none-match']) expect(sent[name], name).toBeUndefined()
  })

  const broken: [string, Fault[], (string | undefined)[]][] = [
    ['is cut off', [{ cut: 100_000 }], ['bytes=0-399999', 'bytes=100000-399999']],
    ['is cut off before its first byte', [{ cut: 0 }], ['bytes=0-399999', 'bytes=0-399999']],
    ['ends early, as if complete', [{ end: 100_000 }], ['bytes=0-399999', 'bytes=100000-399999']],
    ['stalls', [{ stall: 100_000 }], ['bytes=0-399999', 'bytes=100000-399999']],
    ['has no header', [{ silent: true }], ['bytes=0-399999', 'bytes=0-399999']],
    ['is a 503, then a 500', [{ status: 503 }, { status: 500 }], Array(3).fill('bytes=0-399999')],
    ['breaks off twice', [{ cut: 1 }, { stall: 1 }], ['bytes=0-399999', 'bytes=1-399999', 'bytes=2-399999']], // prettier-ignore
    ['is cut off, and the next refused as busy', [{ cut: 7 }, { status: 429 }], ['bytes=0-399999', 'bytes=7-399999', 'bytes=7-399999']], // prettier-ignore
    ['comes in small pieces', [{ trickle: 5000 }], ['bytes=0-399999']],
  ]
  it.each(broken)('that %s is exact to the byte', async (_what, faults, ranges) => {
    const source = await open({ timeout: 150, idleTimeout: 150 })
    origin.proxy.takeRanges()
    origin.proxy.faults.push(...faults)
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
    expect(origin.proxy.takeRanges()).toEqual(ranges)
  })

  it('is resumed a bounded number of times', async () => {
    const source = await open({ retries: 2 })
    origin.proxy.takeRanges()
    origin.proxy.faults.push({ cut: 1 }, { cut: 1 }, { cut: 1 }, { cut: 1 })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toEqual(code('ERR_UPSTREAM_RESET', 502))
    expect(content.length).toBe(3)
    expect(origin.proxy.takeRanges().length).toBe(3)
  })

  const fatal: [string, number, string, number][] = [
    ['403', 403, 'ERR_UPSTREAM_FORBIDDEN', 502],
    ['404', 404, 'ERR_NOT_FOUND', 404],
    ['412', 412, 'ERR_SOURCE_CHANGED', 503],
    ['416', 416, 'ERR_SOURCE_CHANGED', 503],
  ]
  it.each(fatal)('is not resumed after a %s', async (_what, status, expected, own) => {
    const source = await open()
    origin.proxy.takeRanges()
    origin.proxy.faults.push({ cut: 1000 }, { status })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toEqual(code(expected, own))
    expect(content.equals(bytes.subarray(0, 1000))).toBe(true)
    expect(origin.proxy.takeRanges().length).toBe(2)
  })

  it('is not resumed if nothing proves that the rest is of the same version', async () => {
    origin.stored = { ...stored, etag: 'W/"v1"', lastModified: false }
    const source = await open()
    origin.proxy.faults.push({ cut: 1000 })
    expect((await readAll(source, 0, 9999)).error).toEqual(code('ERR_UPSTREAM_RESET', 502))
    origin.proxy.faults.push({ cut: 0 })
    expect((await readAll(source, 0, 9999)).content.equals(bytes.subarray(0, 10_000))).toBe(true)
  })

  it('is never joined with another version', async () => {
    const source = await open()
    origin.proxy.faults.push({ cut: 1000, meanwhile: () => (origin.stored = other) })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toEqual(code('ERR_SOURCE_CHANGED', 503))
    expect(content.equals(bytes.subarray(0, 1000))).toBe(true)
  })

  // An origin that ignores If-Match: only the fields of its response show the change.
  const lies: [string, Fault['fields'], string][] = [
    ['another tag', { etag: '"v2"' }, 'ERR_SOURCE_CHANGED'],
    ['no tag any more', { etag: undefined }, 'ERR_SOURCE_CHANGED'],
    ['another length', { 'content-range': 'bytes 0-9/400001' }, 'ERR_SOURCE_CHANGED'],
    ['another beginning', { 'content-range': 'bytes 1-10/400000' }, 'ERR_UPSTREAM'],
    ['no Content-Range', { 'content-range': undefined }, 'ERR_UPSTREAM'],
    ['an impossible Content-Range', { 'content-range': 'bytes 9-0/400000' }, 'ERR_UPSTREAM'],
    ['a coding', { 'content-encoding': 'gzip' }, 'ERR_UPSTREAM'],
  ]
  it.each(lies)('refuses a response with %s', async (_what, fields, expected) => {
    const source = await open()
    origin.proxy.faults.push({ fields })
    const { content, error } = await readAll(source, 0, 9)
    expect(error).toEqual(expect.objectContaining({ code: expected }))
    expect(content.length).toBe(0)
  })

  it('reads no more of a response than its Content-Range declares', async () => {
    const source = await open()
    origin.proxy.takeRanges()
    origin.proxy.faults.push({ fields: { 'content-range': 'bytes 0-4/400000' } })
    const { content, error } = await readAll(source, 0, 9)
    expect(error).toBeUndefined()
    expect(content.equals(bytes.subarray(0, 10))).toBe(true)
    expect(origin.proxy.takeRanges()).toEqual(['bytes=0-9', 'bytes=5-9'])
  })

  it('compares tags opaquely, and dates if no tag is strong', async () => {
    const source = await open()
    origin.proxy.faults.push({ fields: { etag: 'W/"v1"' } })
    expect((await readAll(source, 0, 9)).error).toBeUndefined()
    origin.stored = { ...stored, etag: false }
    const dated = await open()
    origin.proxy.faults.push({ fields: { 'last-modified': 'Wed, 01 Jan 2025 10:00:01 GMT' } })
    expect((await readAll(dated, 0, 9)).error).toEqual(code('ERR_SOURCE_CHANGED', 503))
  })

  it('takes a 200 only for all of the content', async () => {
    const source = await fromHttp(origin.url, {
      meta: { length: bytes.length, etag: '"v1"' },
      fetch: withoutRange,
    })
    expect((await readAll(source, 0, bytes.length - 1)).content.equals(bytes)).toBe(true)
    expect((await readAll(source, 0, 9)).error).toEqual(code('ERR_UPSTREAM_NO_RANGES', 502))
    expect((await readAll(source, 5, 9)).error).toEqual(code('ERR_UPSTREAM_NO_RANGES', 502))
    origin.stored = other
    const { error } = await readAll({ read: (range, o) => source.read(range, o) }, 5, 9)
    expect(error).toEqual(code('ERR_SOURCE_CHANGED', 503))
  })

  it('ends when its signal aborts, and when it is returned', async () => {
    const source = await open()
    origin.proxy.faults.push({ stall: 10_000 }, { stall: 10_000 }, { silent: true })
    for (let i = 0; i < 3; i++) {
      const aborter = new AbortController()
      const reading = readAll(source, 0, 99_999, aborter.signal)
      await until('it is requested', () => origin.proxy.seen.length === i + 2)
      aborter.abort(new Error('left'))
      expect((await reading).error).toMatchObject({ message: 'left' })
    }
    origin.proxy.faults.push({ stall: 100_000 })
    const signal = new AbortController().signal
    const iterator = (source.read({ firstPos: 0, lastPos: 399_999 }, { signal }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]() // prettier-ignore
    await iterator.next()
    await iterator.return!()
  })
})

describe('a target that is a function', () => {
  it('is called for each request, and once more for a refusal', async () => {
    let calls = 0
    const source = await fromHttp(() => ({
      url: `${origin.url}?signature=${++calls}`,
      headers: { 'x-call': String(calls) },
    }))
    origin.proxy.faults.push({ cut: 1000 }, { status: 403 })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
    expect(origin.proxy.seen.map(({ path }) => path)).toEqual(
      [1, 2, 3, 4].map((call) => `/clip.mp4?signature=${call}`),
    )
    expect(origin.proxy.seen[3]!.fields['x-call']).toBe('4')
    origin.proxy.faults.push({ status: 403 }, { status: 403 })
    expect((await readAll(source, 0, 9)).error).toEqual(code('ERR_UPSTREAM_FORBIDDEN', 502))
    expect(calls).toBe(6)
  })

  it('passes its own errors on, and is bounded in time', async () => {
    const failure = new Error('no signature')
    await expect(fromHttp(() => Promise.reject(failure))).rejects.toBe(failure)
    const never = fromHttp(() => new Promise(() => {}), { timeout: 50, retries: 0 })
    await expect(never).rejects.toEqual(code('ERR_UPSTREAM_TIMEOUT', 504))
  })
})

describe('metadata that is kept', () => {
  const kept = { metadataTtl: 60_000 } as const

  it('makes a range cost one request', async () => {
    const options = { ...kept, headers: { 'x-test': 'one' } }
    for (let i = 0; i < 5; i++) await readAll(await open(options), i, i + 99)
    expect(origin.proxy.seen.length).toBe(6)
    await open({ ...kept, headers: { 'x-test': 'two' } })
    expect(origin.proxy.takeRanges().at(-1)).toBe('bytes=0-0')
  })

  it('is replaced once a read proves it stale, and dropped once the content is gone', async () => {
    const options = { ...kept, headers: { 'x-test': 'stale' } }
    await open(options)
    origin.stored = other
    const source = await open(options)
    expect(source.etag).toBe('"v1"')
    expect((await readAll(source, 0, 9)).error).toEqual(code('ERR_SOURCE_CHANGED', 503))
    expect((await source.reopen!()).etag).toBe('"v2"')
    expect((await open(options)).etag).toBe('"v2"')
    origin.stored = undefined
    expect((await readAll(await open(options), 0, 9)).error).toEqual(code('ERR_NOT_FOUND', 404))
    await expect(open(options)).rejects.toEqual(code('ERR_NOT_FOUND', 404))
  })

  it('needs a key if the URL does not name the content', async () => {
    expect(() => fromHttp(() => origin.url, kept)).toThrow(/needs a key/)
    expect(() => fromHttp(origin.url, { ...kept, fetch: withoutRange })).toThrow(/needs a key/)
    const keyed = () => fromHttp(() => origin.url, { ...kept, key: 'clip' })
    await keyed()
    await keyed()
    expect(origin.proxy.seen.length).toBe(1)
  })
})

describe('errors', () => {
  it('hold no URL', async () => {
    const secret = 'X-Amz-Signature=0123456789abcdef'
    const failures = [
      () => fromHttp(`http://127.0.0.1:1/?${secret}`, { retries: 0 }),
      () => fromHttp(() => `http://name:${secret}@127.0.0.1/`, { retries: 0 }),
      () => fromHttp(() => `not a URL ${secret}`, { retries: 0 }),
      () =>
        fromHttp(`http://127.0.0.1:${origin.proxy.port}/?${secret}`, {
          retries: 0,
          redirect: 'error',
        }),
      () => fromHttp(`http://origin.example/?${secret}`, { retries: 0, fetch: () => Promise.reject(new TypeError(secret)) }), // prettier-ignore
    ]
    origin.proxy.faults.push({ status: 302, fields: { location: '/elsewhere' } })
    for (const failure of failures) {
      const error = await failure().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(Error)
      const { message, stack, cause } = error as Error
      expect(`${message}${stack}${JSON.stringify(cause)}${JSON.stringify(error)}`).not.toContain(
        secret,
      )
    }
  })

  const misuse: [string, () => unknown, RegExp][] = [
    ['no URL', () => fromHttp('/clip.mp4'), /must be an http: or https: URL/],
    ['a file: URL', () => fromHttp('file:///etc/passwd'), /must be an http: or https: URL/],
    ['no target', () => fromHttp(undefined as unknown as string), /must be an http: or https: URL/],
    ['a password', () => fromHttp('http://me:secret@host/'), /^(?!.*secret).*Authorization/],
    ['an unknown option', () => open({ ttl: 1 } as HttpOptions), /no option "ttl": it takes meta/],
    ['a negative time', () => open({ timeout: -1 }), /timeout must be/],
    ['meta without a length', () => open({ meta: {} as never }), /length must be/],
    ['a wrong tag', () => open({ meta: { length: 1, etag: 'v1' } }), /etag/],
    ['a wrong status', () => open({ forbiddenStatus: 200 as never }), /403, 404 or 502/],
    ['another redirect', () => open({ redirect: 'manual' as never }), /redirect must be/],
    ['a fetch that is none', () => open({ fetch: 1 as never }), /fetch must be a function/],
    ['a signal that is none', () => open({ signal: 1 as never }), /AbortSignal/],
  ]
  it.each(misuse)('at the call for %s', (_what, call, message) => {
    expect(call).toThrow(message)
  })

  it('have the status that the caller prefers for a refusal', async () => {
    origin.proxy.faults.push({ status: 403 })
    await expect(open({ forbiddenStatus: 404 })).rejects.toEqual(
      code('ERR_UPSTREAM_FORBIDDEN', 404),
    )
  })

  it('of a signal are its reason', async () => {
    origin.proxy.faults.push({ silent: true })
    const aborter = new AbortController()
    const opening = open({ signal: aborter.signal })
    await until('it is requested', () => origin.proxy.seen.length === 1)
    aborter.abort(new Error('left'))
    await expect(opening).rejects.toThrow('left')
  })
})

it('connections are used again', async () => {
  const source = await open()
  const { connections } = origin.proxy
  for (let i = 0; i < 10; i++) await readAll(source, i * 1000, i * 1000 + 99_999)
  expect(origin.proxy.connections - connections).toBeLessThanOrEqual(1)
})
