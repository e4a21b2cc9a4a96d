import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import { openDescriptors } from '../../../../test/support/fixture.ts'
import { respond } from '../respond.ts'
import { isEntityTag } from '../semantics/entity-tag.ts'
import { serve } from '../serve.ts'
import { readRange } from '../sources/read-range.ts'
import { fromFile, isFileHandle, toPath } from './file.ts'
import type { FileSource } from './file-source.ts'
import { fromReadStream } from './read-stream.ts'
import { type DirectSource, readInto } from '../sources/source.ts'

const size = 600_000 // more than two reads
const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 251))
const { signal } = new AbortController()
const hasProc = fs.existsSync('/proc/self/fd')
let folder: string
let file: string

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'file-')))
  file = path.join(folder, 'clip.mp4')
  fs.writeFileSync(file, bytes)
})

afterEach(() => {
  vi.useRealTimers()
  fs.rmSync(folder, { recursive: true })
})

describe('fromFile, by a path', () => {
  it('has the length, the type, the mtime and an entity-tag', async () => {
    fs.utimesSync(file, 1e9, 1e9)
    const source = await fromFile(file)
    expect(source).toMatchObject({
      length: size,
      type: 'video/mp4',
      lastModified: new Date(1e12),
    })
    expect(isEntityTag(source.etag!)).toBe(true)
    await source.close?.()
  })

  it('prefers the metadata of the caller to its own', async () => {
    const metadata = { type: 'audio/mp4', etag: 'W/"v1"', lastModified: new Date(5000) }
    const source = await fromFile(file, metadata)
    expect(source).toMatchObject(metadata)
    await source.close?.()
  })

  it('accepts a file: URL', async () => {
    const odd = path.join(folder, 'a b%20c#d?e.txt')
    fs.writeFileSync(odd, 'odd')
    const source = await fromFile(pathToFileURL(odd))
    expect((await collect(source, 0, 2)).toString()).toBe('odd')
    await source.close?.()
  })

  it('accepts a path that is not normal', async () => {
    const source = await fromFile(`${folder}/none/.././clip.mp4`)
    expect(source.length).toBe(size)
    await source.close?.()
  })

  it.each<[what: string, file: unknown, code: string]>([
    ['a relative path', 'clip.mp4', 'ERR_RELATIVE_PATH'],
    ['another relative path', './clip.mp4', 'ERR_RELATIVE_PATH'],
    ['no path', '', 'ERR_INVALID_ARGUMENT'],
    ['a NUL', '/srv/a\0.mp4', 'ERR_INVALID_ARGUMENT'],
    ['another URL', new URL('https://example.com/clip.mp4'), 'ERR_INVALID_ARGUMENT'],
    ['a number', 5, 'ERR_INVALID_ARGUMENT'],
    ['nothing', undefined, 'ERR_INVALID_ARGUMENT'],
  ])('refuses %s at the call', (_, value, code) => {
    expect(() => fromFile(value as string)).toThrow(
      expect.objectContaining({ name: 'TypeError', code }),
    )
  })

  it('refuses a wrong etag at the call', () => {
    expect(() => fromFile(file, { etag: 'v1' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ETAG' }),
    )
  })

  it.each<[what: string, make: () => string, status: number, code: string]>([
    ['a missing file', () => path.join(folder, 'none'), 404, 'ENOENT'],
    ['a folder', () => folder, 404, 'ERR_NOT_A_FILE'],
    ['a device', () => '/dev/null', 404, 'ERR_NOT_A_FILE'],
    [
      'a FIFO',
      () => {
        execFileSync('mkfifo', [path.join(folder, 'pipe')])
        return path.join(folder, 'pipe')
      },
      404,
      'ERR_NOT_A_FILE',
    ],
  ])('rejects %s', async (_, make, status, code) => {
    await expect(fromFile(make())).rejects.toMatchObject({ status, code })
  })

  it('omits the path from the message, which some frameworks print', async () => {
    const missing = path.join(folder, 'none')
    const error = await fromFile(missing).catch((reason: Error) => reason)
    expect((error as Error).message).not.toContain(folder)
    expect(error).toMatchObject({ path: missing, expose: false })
  })

  it('reads the same bytes as a slice of an array, even across reads', async () => {
    const source = await fromFile(file)
    const position = fc.nat({ max: size - 1 })
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const [first, last] = [Math.min(a, b), Math.max(a, b)]
        expect((await collect(source, first, last)).equals(bytes.subarray(first, last + 1))).toBe(
          true,
        )
      }),
      {
        numRuns: 60,
        examples: [
          [0, 0],
          [0, size - 1],
          [262_143, 262_144],
          [0, 262_143],
          [0, 262_144],
          [size - 1, size - 1],
        ],
      },
    )
    await source.close?.()
  })

  it('serves concurrent reads', async () => {
    const source = await fromFile(file)
    const reads = Array.from({ length: 20 }, (_, index) =>
      collect(source, index * 1000, 400_000 + index, new AbortController().signal),
    )
    for (const [index, read] of (await Promise.all(reads)).entries()) {
      expect(read.equals(bytes.subarray(index * 1000, 400_001 + index))).toBe(true)
    }
    await source.close?.()
  })

  it('serves an empty file', async () => {
    fs.writeFileSync(file, '')
    const source = await fromFile(file)
    expect(source.length).toBe(0)
    await source.close?.()
  })

  it('throws ERR_SOURCE_TOO_SHORT if the file was truncated meanwhile', async () => {
    const source = (await fromFile(file)) as DirectSource
    await source.open?.()
    fs.truncateSync(file, 300_000)
    await expect(collect(source, 0, size - 1)).rejects.toMatchObject({
      code: 'ERR_SOURCE_TOO_SHORT',
    })
    await source.close?.()
  })

  it('continues to read the file that it opened if another took its place', async () => {
    const source = (await fromFile(file)) as DirectSource
    await source.open?.()
    fs.writeFileSync(`${file}.new`, Buffer.alloc(size))
    fs.renameSync(`${file}.new`, file)
    expect((await collect(source, 0, size - 1)).equals(bytes)).toBe(true)
    await source.close?.()
  })

  it('can be read again after a close, as long as the file is the same', async () => {
    const source = await fromFile(file)
    await source.close?.()
    expect(await collect(source, 5, 9)).toEqual(bytes.subarray(5, 10))
    fs.utimesSync(file, 1000, 1000)
    await expect(collect(source, 5, 9)).rejects.toMatchObject({
      code: 'ERR_SOURCE_CHANGED',
      status: 500,
    })
  })

  it('stays open for a reader while responses without content come and go', async () => {
    const source = await fromFile(file)
    const { body } = await respond({ method: 'GET', headers: {} }, source)
    for (let answer = 0; answer < 3; answer++) {
      await respond({ method: 'HEAD', headers: {} }, source)
      await respond({ method: 'GET', headers: { 'if-none-match': '*' } }, source)
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })

  it('stays open for a slow client while a response without content ends', async () => {
    const large = 48 * 1024 * 1024 // more than the sockets take at once
    fs.truncateSync(file, large)
    const source = await fromFile(file)
    const server = http.createServer((request, response) => {
      serve(request, response, source).catch((error: Error) => response.destroy(error))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const [slow] = await once(http.get({ port, agent: false }), 'response')
      const [head] = await once(
        http.request({ port, method: 'HEAD', agent: false }).end(),
        'response',
      )
      await once(head.resume(), 'end')
      let received = 0
      for await (const chunk of slow) received += chunk.length
      expect(received).toBe(large)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }, 5000)

  it.runIf(hasProc)('has one descriptor open, and none a while after it is closed', async () => {
    const sources = await Promise.all([fromFile(file), fromFile(file), fromFile(file)])
    expect(openDescriptors(file)).toBe(1)
    await Promise.all(sources.map((source) => collect(source, 0, size - 1)))
    for (const source of sources) await source.close?.()
    await vi.waitFor(() => expect(openDescriptors(file)).toBe(0), { timeout: 10_000 })
  })

  it.runIf(hasProc)('has none open right after it was cancelled', async () => {
    const source = (await fromFile(file)) as DirectSource
    await source.open?.()
    expect(openDescriptors(file)).toBe(1)
    void source.close?.(true)
    await vi.waitFor(() => expect(openDescriptors(file)).toBe(0), { timeout: 300 })
  })

  it.runIf(hasProc)(
    'has no open descriptor after an abandoned or aborted read, and a close',
    async () => {
      const source = await fromFile(file)
      for await (const chunk of readRange(source, { firstPos: 0, lastPos: size - 1 }, signal)) {
        expect(chunk.length).toBeGreaterThan(0)
        break
      }
      const aborter = new AbortController()
      const aborted = collect(source, 0, size - 1, aborter.signal)
      aborter.abort()
      await expect(aborted).rejects.toThrow()
      await source.close?.()
      await vi.waitFor(() => expect(openDescriptors(file)).toBe(0), { timeout: 10_000 })
    },
  )
})

describe('fromFile, of a FileHandle', () => {
  it('reads ranges, and leaves the handle open', async () => {
    const handle = await fs.promises.open(file)
    try {
      const source = await fromFile(handle)
      expect(source).toMatchObject({ length: size, type: undefined })
      expect((await collect(source, 5, 400_000)).equals(bytes.subarray(5, 400_001))).toBe(true)
      await source.close?.()
      void (source as DirectSource).close?.(true)
      expect(await collect(source, 5, 9)).toEqual(bytes.subarray(5, 10))
      // Nor does it move the position that the caller reads on from.
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5)
      expect(buffer.subarray(0, bytesRead)).toEqual(bytes.subarray(0, 5))
    } finally {
      await handle.close()
    }
  })

  it('has the metadata of the caller, otherwise that of the path', async () => {
    fs.utimesSync(file, 1000, 1000)
    const handle = await fs.promises.open(file)
    try {
      const [byHandle, byPath] = await Promise.all([
        fromFile(handle, { type: 'video/mp4' }),
        fromFile(file),
      ])
      expect(byHandle.type).toBe('video/mp4')
      expect(byHandle.etag).toBe(byPath.etag)
      expect(byHandle.lastModified).toEqual(byPath.lastModified)
      await byPath.close?.()
    } finally {
      await handle.close()
    }
  })

  it('refuses a folder, and a handle that is closed', async () => {
    const handle = await fs.promises.open(folder)
    await expect(fromFile(handle)).rejects.toMatchObject({ status: 404, code: 'ERR_NOT_A_FILE' })
    await handle.close()
    await expect(fromFile(handle)).rejects.toMatchObject({ status: 500, code: 'EBADF' })
  })

  it('fails only the read if its owner has closed it', async () => {
    const handle = await fs.promises.open(file)
    const source = (await fromFile(handle)) as FileSource
    await handle.close()
    await expect(collect(source, 0, 9)).rejects.toThrow()
    // A pump calls this from a callback, where an exception would end the process.
    const error = await new Promise<Error | null>((resolve) => {
      source.readInto!(Buffer.alloc(10), 10, 0, resolve)
    })
    expect(error).toBeInstanceOf(Error)
  })
})

describe('readInto', () => {
  it('reads into the start of the target, and reports how much', async () => {
    const source = (await fromFile(file)) as FileSource
    await source.open?.()
    const target = Buffer.alloc(20, 255)
    expect(await readInto(source, target, 10, 100)).toBe(10)
    expect(target.subarray(0, 10)).toEqual(bytes.subarray(100, 110))
    expect(target.subarray(10)).toEqual(Buffer.alloc(10, 255))
    expect(await readInto(source, target, 20, size - 5)).toBe(5)
    expect(await readInto(source, target, 20, size)).toBe(0)
    void source.close?.()
  })
})

describe('fromReadStream', () => {
  it.each<[what: string, options: { start?: number; end?: number }, first: number, length: number]>(
    [
      ['the full file', {}, 0, size],
      ['from a start', { start: 1000 }, 1000, size - 1000],
      ['to an end, which counts', { end: 999 }, 0, 1000],
      ['from a start to an end', { start: 1000, end: 1999 }, 1000, 1000],
      ['to an end beyond the file', { start: 1000, end: size * 2 }, 1000, size - 1000],
      ['from the last byte', { start: size - 1 }, size - 1, 1],
      ['from beyond the file', { start: size }, size, 0],
      ['from far beyond the file', { start: size + 5 }, size + 5, 0],
      ['the first byte', { start: 0, end: 0 }, 0, 1],
    ],
  )('serves %s', async (_, options, first, length) => {
    const stream = fs.createReadStream(file, options)
    const source = (await fromReadStream(stream))!
    expect(source.length).toBe(length)
    if (length > 0) {
      expect(
        (await collect(source, 0, length - 1)).equals(bytes.subarray(first, first + length)),
      ).toBe(true)
      expect(stream.destroyed).toBe(true)
    } else {
      await source.close?.()
    }
  })

  it('reads the requested bytes, and none before', async () => {
    const stream = fs.createReadStream(file)
    const source = (await fromReadStream(stream)) as DirectSource
    await source.open?.()
    expect(await collect(source, size - 5, size - 1)).toEqual(bytes.subarray(size - 5))
    expect(await collect(source, 5, 9)).toEqual(bytes.subarray(5, 10))
    expect(stream.bytesRead).toBe(0)
    expect(stream.destroyed).toBe(false)
    void source.close?.()
    expect(stream.destroyed).toBe(true)
  })

  it('accepts a stream of a FileHandle', async () => {
    const handle = await fs.promises.open(file)
    const source = await fromReadStream(handle.createReadStream({ start: 5 }))
    expect(source?.length).toBe(size - 5)
    expect(await collect(source!, 0, 4)).toEqual(bytes.subarray(5, 10))
  })

  it.each<[what: string, make: () => unknown]>([
    ['nothing', () => undefined],
    ['another stream', () => process.stdin],
    ['a stream that flows', () => fs.createReadStream(file).on('data', () => {})],
    ['a destroyed stream', () => fs.createReadStream(file).destroy()],
    ['a stream that decodes', () => fs.createReadStream(file, 'utf8')],
    ['a stream of a device', () => fs.createReadStream('/dev/zero')],
  ])('does not change %s', async (_, make) => {
    const stream = make()
    expect(await fromReadStream(stream)).toBeUndefined()
    if (stream instanceof fs.ReadStream) await dispose(stream)
  })

  it('ignores a stream that has been read from', async () => {
    const stream = fs.createReadStream(file, { highWaterMark: 10 })
    await once(stream, 'readable')
    expect(stream.read(10)).toHaveLength(10)
    expect(await fromReadStream(stream)).toBeUndefined()
    await dispose(stream)
  })

  it('rejects if the file is missing', async () => {
    const stream = fs.createReadStream(path.join(folder, 'none'))
    await expect(fromReadStream(stream)).rejects.toMatchObject({ status: 404, code: 'ENOENT' })
  })

  it.runIf(hasProc)('closes the descriptor of the stream, and opens no other', async () => {
    const source = await fromReadStream(fs.createReadStream(file))
    expect(openDescriptors(file)).toBe(1)
    await source?.close?.()
    await vi.waitFor(() => expect(openDescriptors(file)).toBe(0))
  })

  it('has the validators that the file has by its path', async () => {
    const { etag, lastModified } = await fromFile(file)
    const handle = await fs.promises.open(file)
    const streams = [
      fs.createReadStream(file),
      fs.createReadStream(Buffer.from(file)),
      fs.createReadStream(file, { start: 0, end: size + 5 }),
      handle.createReadStream({ start: 0 }),
    ]
    for (const stream of streams) {
      const source = await fromReadStream(stream)
      expect(source).toMatchObject({ etag, lastModified, length: size })
      await source?.close?.()
    }
  })

  it('tags each part of a file as another representation', async () => {
    const tags = new Set<string | undefined>()
    const parts = [{}, { start: 1 }, { end: size - 2 }, { start: 1, end: 5 }, { start: 1, end: 6 }]
    for (const part of parts) {
      const source = await fromReadStream(fs.createReadStream(file, part))
      expect(source?.etag).toMatch(/^"[\w-]+"$/)
      tags.add(source?.etag)
      await source?.close?.()
    }
    expect(tags.size).toBe(parts.length)
  })

  it('waits until a file that was just written has settled', async () => {
    const young = path.join(folder, 'young.bin')
    fs.writeFileSync(young, bytes)
    const source = await fromReadStream(fs.createReadStream(young))
    expect(source?.etag).toMatch(/^"/)
    // Date.now has no fraction.
    expect(Date.now() + 1 - fs.statSync(young).ctimeMs).toBeGreaterThan(20)
    await source?.close?.()
  })

  it('discards what was read of a stream that is destroyed before', async () => {
    const stream = fs.createReadStream(file)
    const source = (await fromReadStream(stream)) as DirectSource
    await source.open?.()
    const reading = readInto(source as FileSource, Buffer.alloc(5), 5, 0)
    stream.destroy()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' })
    void source.close?.()
  })

  it.runIf(hasProc)('keeps nothing open of a response that was cancelled', async () => {
    const source = (await fromReadStream(fs.createReadStream(file))) as DirectSource
    await source.open?.()
    void source.close?.(true)
    await vi.waitFor(() => expect(openDescriptors(file)).toBe(0), 200)
  })

  it('serves a file that was removed as soon as it was open', async () => {
    const removed = path.join(folder, 'removed.bin')
    fs.writeFileSync(removed, bytes)
    const stream = fs.createReadStream(removed)
    await once(stream, 'open')
    fs.unlinkSync(removed)
    const source = await fromReadStream(stream)
    expect(await collect(source!, 5, 9)).toEqual(bytes.subarray(5, 10))
  })

  it('serves a file that was removed while it was opened, or reports it missing', async () => {
    for (let i = 0; i < 20; i++) {
      const removed = path.join(folder, `removed-${i}.bin`)
      fs.writeFileSync(removed, bytes)
      const serving = fromReadStream(fs.createReadStream(removed))
      if (i % 2 === 0) await Promise.resolve()
      else await new Promise(setImmediate)
      fs.unlinkSync(removed)
      const source = await serving.catch((error: unknown) => {
        expect(error).toMatchObject({ status: 404, code: 'ENOENT' })
      })
      if (source) expect(await collect(source, 5, 9)).toEqual(bytes.subarray(5, 10))
    }
  })

  it('ends when its stream is destroyed', async () => {
    const stream = fs.createReadStream(file)
    const source = (await fromReadStream(stream)) as DirectSource
    await source.open?.()
    stream.destroy()
    await expect(collect(source, 5, 9)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' })
    void source.close?.()
  })

  it.runIf(hasProc)(
    'ignores a file of /proc, which has no size, and serves an empty file',
    async () => {
      const stream = fs.createReadStream('/proc/version')
      expect(await fromReadStream(stream)).toBeUndefined()
      await dispose(stream)
      const empty = path.join(folder, 'empty.bin')
      fs.writeFileSync(empty, '')
      const source = await fromReadStream(fs.createReadStream(empty))
      expect(source?.length).toBe(0)
      await source?.close?.()
    },
  )
})

describe('toPath', () => {
  it('takes a path literally, percent signs included', () => {
    expect(toPath('/srv/a%20b')).toBe('/srv/a%20b')
    expect(toPath(new URL('file:///srv/a%20b'))).toBe('/srv/a b')
  })

  it.each(['file:///srv/a%2fb', 'file:///srv/a%00b'])('refuses %s', (url) => {
    expect(() => toPath(new URL(url))).toThrow(TypeError)
  })
})

describe('isFileHandle', () => {
  it('recognises a FileHandle', async () => {
    const handle = await fs.promises.open(file)
    expect(isFileHandle(handle)).toBe(true)
    await handle.close()
    const stream = fs.createReadStream(file)
    const source = await fromFile(file)
    await source.close?.()
    for (const value of [source, undefined, null, 5, 'a', {}, { fd: 5 }, stream]) {
      expect(isFileHandle(value)).toBe(false)
    }
    await dispose(stream)
  })
})

async function dispose(stream: fs.ReadStream): Promise<void> {
  stream.on('error', () => {}).destroy()
  if (!stream.closed) await once(stream, 'close')
}
