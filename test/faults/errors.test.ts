// Sources and files that fail or run short: the error that the framework gets, and the end of the response.

import http2 from 'node:http2'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { fromReader } from '@range-serve/core'
import { download } from '../support/clients.ts'
import { bytes, folder, size } from '../support/files.ts'
import { until } from '../support/fixture.ts'
import { frameworks, type Sent, startHttp2 } from '../support/frameworks.ts'
import { ask } from '../support/raw.ts'
import { largeFile } from '../support/large-file.ts'

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  const short = [
    ['as bytes', async () => bytes.subarray(0, 300_000)],
    ['as a stream', async () => Readable.from([bytes.subarray(0, 300_000)])],
  ] as const
  it.each(short)(
    'never ends a response cleanly if its source runs short %s',
    async (_kind, read) => {
      running = await start(() => fromReader({ length: size, read: () => read() }))
      const { status, content, complete } = await download(running.port)
      expect(status).toBe(200)
      expect(complete).toBe(false)
      expect(content.equals(bytes.subarray(0, content.length))).toBe(true)
      await until('the transfer ends', () => running.transfers.length === 1)
      expect(running.transfers[0]).toMatchObject({
        aborted: true,
        error: { code: 'ERR_SOURCE_TOO_SHORT' },
      })
    },
  )

  it('responds with an error, or is cut off, if a small source runs short', async () => {
    running = await start(() =>
      fromReader({ length: 100, read: async () => bytes.subarray(0, 50) }),
    )
    // Only if the framework owns the body can all of it be read before the head is written.
    const { status, complete } = await download(running.port)
    if (name.startsWith('Koa')) expect(status).toBe(500)
    else expect(complete).toBe(false)
  })

  it('sends no more than a source has declared', async () => {
    running = await start(() =>
      fromReader({ length: 1000, read: async () => Readable.from([bytes.subarray(0, 5000)]) }),
    )
    const { content, complete } = await download(running.port)
    expect(complete).toBe(true)
    expect(content.equals(bytes.subarray(0, 1000))).toBe(true)
  })

  it('passes an error before the first byte to the framework', async () => {
    const failure = Object.assign(new Error('no such object'), { status: 404 })
    running = await start(() => fromReader({ length: size, read: () => Promise.reject(failure) }))
    const { status } = await download(running.port)
    expect(status).toBe(404)
    expect(running.errors).toEqual([failure])
  })

  it('reports a missing file to the framework as 404', async () => {
    running = await start(() => path.join(folder, 'missing'))
    const response = await ask(running.port, {})
    expect(response.status).toBe(404)
    expect(response.content.toString()).not.toContain('missing')
    expect(running.errors).toMatchObject([{ status: 404, code: 'ENOENT', expose: false }])
  })

  it('reports a folder to the framework as 404', async () => {
    running = await start(() => folder)
    expect((await ask(running.port, {})).status).toBe(404)
    expect(running.errors).toMatchObject([{ status: 404, code: 'ERR_NOT_A_FILE' }])
  })
})

describe('HTTP/2', () => {
  it('serves ranges, and resets the stream if a source runs short', async () => {
    const filePath = largeFile('http2')
    let isShort = false
    const running = await startHttp2(() =>
      isShort
        ? fromReader({
            length: size,
            read: async () => Readable.from([bytes.subarray(0, 300_000)]),
          })
        : filePath,
    )
    const session = http2.connect(`http://127.0.0.1:${running.port}`)
    try {
      const range = await get(session, 'bytes=-5')
      expect(range).toMatchObject({ status: 206, code: http2.constants.NGHTTP2_NO_ERROR })
      expect(range.content.equals(bytes.subarray(-5))).toBe(true)
      const whole = await get(session)
      expect(whole.content.equals(bytes)).toBe(true)
      isShort = true
      const cut = await get(session)
      expect(cut.code).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR)
    } finally {
      session.close()
      await running.close()
    }
  })
})

function get(
  session: http2.ClientHttp2Session,
  range?: string,
): Promise<{ status: number; content: Buffer; code: number }> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/', ...(range ? { range } : {}) })
    const chunks: Buffer[] = []
    let status = 0
    stream.on('response', (fields) => {
      status = Number(fields[':status'])
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () =>
      resolve({ status, content: Buffer.concat(chunks), code: stream.rstCode }),
    )
  })
}
