// fromHttp over an origin that misbehaves: the probe, its target, the metadata it keeps, its errors.

import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { fromHttp, type HttpOptions } from '@range-serve/http'
import type { Fault } from '../support/fault-proxy.ts'
import { until } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'
import { readAll } from '../support/origin.ts'
import {
  open,
  bytes,
  lastModified,
  origin,
  stored,
  withoutRange,
  code,
  other,
} from '../support/http-origin.ts'

describe('the probe', () => {
  it('is a GET of one byte, without an encoding', async () => {
    const source = await open()
    expect(source).toMatchObject({
      length: bytes.length,
      type: 'video/mp4',
      etag: '"v1"',
      lastModified,
      // The origin runs range-serve, which adds no-transform to a part.
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
    origin.stored = stored
    const plain = await fromHttp(origin.url, { fetch: withoutRange, headers: {} })
    expect(plain).toMatchObject({ length: bytes.length, acceptRanges: false })
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
  it('contain no URL', async () => {
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
    [
      'a fetch that is not a function',
      () => open({ fetch: 1 as never }),
      /fetch must be a function/,
    ],
    ['a signal that is not an AbortSignal', () => open({ signal: 1 as never }), /AbortSignal/],
  ]
  it.each(misuse)('are thrown at the call for %s', (_what, call, message) => {
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

it('reuses connections', async () => {
  const source = await open()
  const { connections } = origin.proxy
  for (let i = 0; i < 10; i++) await readAll(source, i * 1000, i * 1000 + 99_999)
  expect(origin.proxy.connections - connections).toBeLessThanOrEqual(1)
})
