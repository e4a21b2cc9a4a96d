// Failing, short and long sources; clients that disconnect; descriptors that must not stay open.

import fs from 'node:fs'
import { open } from 'node:fs/promises'
import http2 from 'node:http2'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { fromReader, fromStream } from '@range-serve/core'
import { download, leave } from '../support/clients.ts'
import { bytes, folder, modified, size } from '../support/files.ts'
import { openDescriptors, until, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent, startHttp2 } from '../support/frameworks.ts'
import { ask } from '../support/raw.ts'

function largeFile(name: string): string {
  const filePath = path.join(folder, name)
  writeOldFile(filePath, bytes, modified)
  return filePath
}

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

  it('closes the file when the client disconnects', async () => {
    const filePath = largeFile(`left-${name}`)
    running = await start(() => filePath)
    await leave(running.port)
    await until('the file is closed', () => openDescriptors(filePath) === 0, 1000)
    await until('the transfer ends', () => running.transfers.length === 1)
    expect(running.transfers[0]).toMatchObject({ status: 200, aborted: true })
  })

  it('keeps a FileHandle open when the client disconnects', async () => {
    const handle = await open(largeFile(`handle-${name}`))
    try {
      running = await start(() => handle)
      await leave(running.port)
      await until('the transfer ends', () => running.transfers.length === 1)
      expect((await handle.read(Buffer.alloc(4), 0, 4, 1)).buffer).toEqual(
        Buffer.from([1, 2, 3, 4]),
      )
    } finally {
      await handle.close()
    }
  })

  it('aborts a source and destroys its stream when the client disconnects', async () => {
    const signals: AbortSignal[] = []
    const streams: Readable[] = []
    running = await start(() =>
      fromReader({
        length: size * 100,
        read: async (_range, { signal }) => {
          const stream = new Readable({ read() {} })
          stream.push(bytes)
          signals.push(signal)
          streams.push(stream)
          return stream
        },
      }),
    )
    await leave(running.port)
    await until('the signal aborts', () => signals[0]?.aborted === true, 1000)
    await until('the stream is destroyed', () => streams[0]?.destroyed === true, 1000)
  })

  it('destroys a one-pass stream after the last requested byte', async () => {
    const filePath = largeFile(`one-pass-${name}`)
    let stream: fs.ReadStream | undefined
    running = await start(() => {
      stream = fs.createReadStream(filePath)
      return fromStream(stream, { length: size })
    })
    const { content } = await download(running.port, { Range: 'bytes=100000-100009' })
    expect(content.equals(bytes.subarray(100_000, 100_010))).toBe(true)
    await until('the stream is destroyed', () => stream?.destroyed === true, 1000)
    await until('its file is closed', () => openDescriptors(filePath) === 0, 1000)
    expect(stream!.bytesRead).toBeLessThan(size / 4)
  })

  it('ends a response when its signal aborts', async () => {
    const aborter = new AbortController()
    running = await start(() => slowFile(largeFile(`signal-${name}`)), { signal: aborter.signal })
    const { complete, content } = await download(running.port, {}, () => aborter.abort())
    expect(complete).toBe(false)
    expect(content.equals(bytes.subarray(0, content.length))).toBe(true)
  })
})

/** A file that is read slowly enough for things to happen meanwhile. */
function slowFile(filePath: string) {
  return fromReader({
    length: size,
    maxRead: 100_000,
    read: async ({ firstPos, lastPos }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const handle = await open(filePath)
      try {
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(lastPos - firstPos + 1),
          0,
          lastPos - firstPos + 1,
          firstPos,
        )
        return buffer.subarray(0, bytesRead)
      } finally {
        await handle.close()
      }
    },
  })
}

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
