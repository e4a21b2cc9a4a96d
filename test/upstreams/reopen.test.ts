// A source that is found changed by its first read is decided anew, once, whatever the adapter.

import { type Source, toResponse } from '@range-serve/core'
import { toResponse as toResponseAnywhere } from '@range-serve/core/fetch'
import { sourceError } from '@range-serve/core/sources'
import { afterEach, describe, expect, it } from 'vitest'
import { begin } from '../support/clients.ts'
import { pattern, until } from '../support/fixture.ts'
import { frameworks, protocols, type Sent } from '../support/frameworks.ts'
import { exchange } from '../support/raw.ts'

const before = pattern(200_000)
const after = Buffer.alloc(300_000, 'b')
const changed = () => sourceError(503, 'ERR_SOURCE_CHANGED', 'The content has changed')

describe.each(protocols)('%s: a source that can be reopened', (_name, start) => {
  let running: Sent
  let closed: string[]
  afterEach(() => running.close())

  const stale = (reopen: NonNullable<Source['reopen']>, read: Source['read']): Source => ({
    length: before.length,
    etag: '"before"',
    read,
    reopen,
    close: () => void closed.push('before'),
  })
  const fresh = (): Source => ({
    length: after.length,
    etag: '"after"',
    read: async ({ firstPos, lastPos }) => after.subarray(firstPos, lastPos + 1),
    close: () => void closed.push('after'),
  })
  async function serveFrom(make: () => Source) {
    closed = []
    running = await start(make)
  }
  const ask = (headers: Record<string, string> = {}) =>
    begin(running.server, running.port, headers).rest()

  it.each([[1000], [150_000]])('is decided anew for %i bytes', async (length) => {
    await serveFrom(() => stale(fresh, () => Promise.reject(changed())))
    const range = await ask({ Range: `bytes=0-${length - 1}` })
    expect(range).toMatchObject({ status: 206, complete: true })
    expect(range.content.equals(after.subarray(0, length))).toBe(true)
    // What did not match the version before, matches this one.
    const whole = await ask({ Range: 'bytes=0-9', 'If-Range': '"before"' })
    expect(whole).toMatchObject({ status: 200, complete: true })
    expect(whole.content.equals(after)).toBe(true)
    await until('all are closed', () => closed.length === 4)
    expect(closed.toSorted()).toEqual(['after', 'after', 'before', 'before'])
    expect(running.errors).toEqual([])
  })

  it('is not read for a 304 or a 416', async () => {
    await serveFrom(() => stale(fresh, () => Promise.reject(changed())))
    expect(await ask({ 'If-None-Match': '"before"' })).toMatchObject({ status: 304 })
    expect(await ask({ Range: 'bytes=200000-' })).toMatchObject({ status: 416 })
  })

  it('is reopened once', async () => {
    let reopened = 0
    const again = (): Source =>
      stale(
        () => (reopened++, again()),
        () => Promise.reject(changed()),
      )
    await serveFrom(again)
    expect(await ask()).toMatchObject({ status: 503, complete: true })
    expect(reopened).toBe(1)
    await until('both are closed', () => closed.length === 2)
    expect(running.errors).toMatchObject([{ code: 'ERR_SOURCE_CHANGED' }])
  })

  it('is not reopened after any other error', async () => {
    const failure = Object.assign(new Error('broken'), { status: 502 })
    let reopened = 0
    const reopen = () => (reopened++, fresh())
    await serveFrom(() => stale(reopen, () => Promise.reject(failure)))
    expect(await ask()).toMatchObject({ status: 502, complete: true })
    expect(running.errors).toEqual([failure])
    expect(reopened).toBe(0)
    await until('it is closed', () => closed.length === 1)
  })

  it('passes the error of reopen on', async () => {
    const gone = Object.assign(new Error('gone'), { status: 404 })
    await serveFrom(() =>
      stale(
        () => Promise.reject(gone),
        () => Promise.reject(changed()),
      ),
    )
    expect(await ask()).toMatchObject({ status: 404, complete: true })
    expect(running.errors).toEqual([gone])
    await until('it is closed', () => closed.length === 1)
  })

  it('is cut off if it changes half-way', async () => {
    await serveFrom(() =>
      stale(fresh, async function* ({ firstPos }) {
        yield before.subarray(firstPos, firstPos + 100_000)
        throw changed()
      }),
    )
    const { status, complete, content } = await ask()
    expect({ status, complete }).toEqual({ status: 200, complete: false })
    expect(content.equals(before.subarray(0, content.length))).toBe(true)
    await until('it is closed', () => closed.length === 1)
  })

  it('is cancelled when the client disconnects during its first read', async () => {
    let signal: AbortSignal | undefined
    await serveFrom(() =>
      stale(fresh, (_range, options) => {
        signal = options.signal
        return new Promise(() => {})
      }),
    )
    const client = begin(running.server, running.port)
    await until('it is read', () => signal !== undefined)
    client.leave()
    await until('its signal aborts', () => signal!.aborted, 1000)
    await until('it is closed', () => closed.length === 1, 1000)
    expect(running.errors).toEqual([])
  })

  it('whose content can only be read in full says so, and has its own Cache-Control', async () => {
    await serveFrom(() => ({ ...fresh(), acceptRanges: false, cacheControl: 'private' }))
    const whole = await ask({ Range: 'bytes=0-9' })
    expect(whole).toMatchObject({ status: 200, complete: true })
    expect(whole.fields).toMatchObject({ 'accept-ranges': 'none', 'cache-control': 'private' })
    expect(whole.content.equals(after)).toBe(true)
  })
})

it('a source that can be reopened is decided anew in its turn on a connection', async () => {
  let reads = 0
  let release!: () => void
  const isReleased = new Promise<void>((resolve) => (release = resolve))
  const source = (content: Buffer): Source => ({
    length: content.length,
    read: async ({ firstPos, lastPos }) => content.subarray(firstPos, lastPos + 1),
  })
  const first: Source = {
    ...source(before),
    read: async ({ firstPos, lastPos }) => {
      await isReleased
      return before.subarray(firstPos, lastPos + 1)
    },
  }
  const stale: Source = {
    ...source(before),
    read: () => (reads++, Promise.reject(changed())),
    reopen: () => source(after),
  }
  let requests = 0
  const [, start] = frameworks[0]!
  const running = await start(() => (requests++ === 0 ? first : stale))
  try {
    const responding = exchange(running.port, [{}, {}])
    await until('both were requested', () => requests === 2)
    expect(reads).toBe(0)
    release()
    const [one, two] = await responding
    expect(one!.content.equals(before)).toBe(true)
    expect(two).toMatchObject({ status: 200 })
    expect(two!.content.equals(after)).toBe(true)
    expect(reads).toBe(1)
  } finally {
    await running.close()
  }
})

describe.each([
  ['core', toResponse],
  ['core/fetch', toResponseAnywhere],
] as const)('toResponse of %s, for a source that can be reopened', (_entry, respond) => {
  const stale = (read: Source['read']): Source => ({
    length: before.length,
    read,
    reopen: () => ({
      length: after.length,
      read: async ({ firstPos, lastPos }) => after.subarray(firstPos, lastPos + 1),
    }),
  })
  const request = (signal: AbortSignal | null = null) =>
    new Request('http://localhost/', { headers: { Range: 'bytes=0-9' }, signal })

  it('is decided anew', async () => {
    const response = await respond(
      request(),
      stale(() => Promise.reject(changed())),
    )
    expect(response.headers.get('Content-Range')).toBe('bytes 0-9/300000')
    expect(Buffer.from(await response.arrayBuffer()).equals(after.subarray(0, 10))).toBe(true)
  })

  it('is cancelled when the signal of the request aborts during its first read', async () => {
    const aborter = new AbortController()
    let signal: AbortSignal | undefined
    const never: Source['read'] = (_range, options) => {
      signal = options.signal
      return new Promise(() => {})
    }
    const responding = respond(request(aborter.signal), stale(never)).catch(() => {})
    await until('it is read', () => signal !== undefined)
    aborter.abort()
    await until('its signal aborts', () => signal!.aborted, 1000)
    await responding
  })
})
