// Reads of fromHttp from an origin that misbehaves: what is requested, accepted and resumed.

import { describe, expect, it } from 'vitest'
import { fromHttp } from '@range-serve/http'
import type { Fault } from '../support/fault-proxy.ts'
import { until } from '../support/fixture.ts'
import { readAll, type Stored } from '../support/origin.ts'
import { stored, origin, open, bytes, code, other, withoutRange } from '../support/http-origin.ts'

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

  it('accepts a 200 only for all of the content', async () => {
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
