import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import { openDescriptors } from '../../../../test/support/fixture.ts'
import { fromFile } from './file.ts'
import type { FileSource } from './file-source.ts'
import { fromReadStream } from './read-stream.ts'
import { type DirectSource, readInto } from '../sources/source.ts'
import { size, file, bytes, dispose, folder, hasProc } from '../../../../test/support/clip-file.ts'

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
  ])('returns undefined for %s', async (_, make) => {
    const stream = make()
    expect(await fromReadStream(stream)).toBeUndefined()
    if (stream instanceof fs.ReadStream) await dispose(stream)
  })

  it('returns undefined for a stream that has been read from', async () => {
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

  it('rejects a read if the stream is destroyed before it completes', async () => {
    const stream = fs.createReadStream(file)
    const source = (await fromReadStream(stream)) as DirectSource
    await source.open?.()
    const reading = readInto(source as FileSource, Buffer.alloc(5), 5, 0)
    stream.destroy()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' })
    void source.close?.()
  })

  it.runIf(hasProc)('leaves nothing open after a response that was cancelled', async () => {
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

  it('cannot be read once its stream is destroyed', async () => {
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
