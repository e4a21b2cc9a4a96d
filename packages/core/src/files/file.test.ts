import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import { openDescriptors } from '../../../../test/support/fixture.ts'
import { respond } from '../respond.ts'
import { isEntityTag } from '../semantics/entity-tag.ts'
import { serve } from '../serve.ts'
import { readRange } from '../sources/read-range.ts'
import { fromFile, toPath } from './file.ts'
import type { DirectSource } from '../sources/source.ts'
import { file, size, folder, bytes, hasProc } from '../../../../test/support/clip-file.ts'

const { signal } = new AbortController()

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
    for (let i = 0; i < 3; i++) {
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

  it.runIf(hasProc)('closes its descriptor at once if it is cancelled', async () => {
    const source = (await fromFile(file)) as DirectSource
    await source.open?.()
    expect(openDescriptors(file)).toBe(1)
    void source.close?.(true)
    await vi.waitFor(() => expect(openDescriptors(file)).toBe(0), { timeout: 300 })
  })

  it.runIf(hasProc)(
    'has no open descriptor after a read that is left early or aborted, and a close',
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

describe('toPath', () => {
  it('takes a path literally, percent signs included', () => {
    expect(toPath('/srv/a%20b')).toBe('/srv/a%20b')
    expect(toPath(new URL('file:///srv/a%20b'))).toBe('/srv/a b')
  })

  it.each(['file:///srv/a%2fb', 'file:///srv/a%00b'])('refuses %s', (url) => {
    expect(() => toPath(new URL(url))).toThrow(TypeError)
  })
})
