import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRange } from '../sources/read-range.ts'
import { fromFile } from './file.ts'
import { fromReadStream } from './read-stream.ts'
import { isUnsized, readUnsized } from './unsized.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'unsized-'))
  file = path.join(folder, 'a.bin')
})

afterEach(() => fs.rmSync(folder, { recursive: true }))

async function withOpen<T>(filePath: string, use: (fd: number) => Promise<T>): Promise<T> {
  const handle = await fs.promises.open(filePath)
  try {
    return await use(handle.fd)
  } finally {
    await handle.close()
  }
}

describe('isUnsized', () => {
  it.each<[what: string, write: () => void]>([
    ['an empty file', () => fs.writeFileSync(file, '')],
    ['a file of one byte', () => fs.writeFileSync(file, 'a')],
    ['a file of one page', () => fs.writeFileSync(file, Buffer.alloc(4096))],
    ['a sparse file of a page', () => (fs.writeFileSync(file, ''), fs.truncateSync(file, 4096))],
    ['a large sparse file', () => (fs.writeFileSync(file, ''), fs.truncateSync(file, 2 ** 33))],
  ])('is false of %s', async (_, write) => {
    write()
    const stats = fs.statSync(file, { bigint: true })
    expect(await withOpen(file, (fd) => isUnsized(fd, stats))).toBe(false)
  })

  it('is false for a file that has changed since it was examined', async () => {
    fs.writeFileSync(file, '')
    const empty = fs.statSync(file, { bigint: true })
    fs.writeFileSync(file, 'a')
    expect(await withOpen(file, (fd) => isUnsized(fd, empty))).toBe(false)
    fs.truncateSync(file, 4096)
    const sparse = Object.assign(fs.statSync(file, { bigint: true }), { blocks: 0n })
    fs.truncateSync(file, 1)
    expect(await withOpen(file, (fd) => isUnsized(fd, sparse))).toBe(false)
  })
})

/** Files of most Linux systems, without a size and of one page. */
const synthetic = ['/proc/version', '/sys/class/net/lo/address', '/proc/locks'].filter((each) =>
  fs.existsSync(each),
)

describe.runIf(synthetic.length > 0)('a file of the kernel', () => {
  it.each(synthetic)(
    'is served by path and by FileHandle, without validators: %s',
    async (each) => {
      const expected = fs.readFileSync(each)
      const handle = await fs.promises.open(each)
      for (const given of [each, handle]) {
        const source = await fromFile(given)
        expect(source.length).toBe(expected.length)
        expect(source.etag).toBeUndefined()
        expect(source.lastModified).toBeUndefined()
        if (expected.length > 0) {
          const { signal } = new AbortController()
          const range = { firstPos: 1, lastPos: expected.length - 1 }
          const chunks: Uint8Array[] = []
          for await (const chunk of readRange(source, range, signal)) chunks.push(chunk)
          expect(Buffer.concat(chunks)).toEqual(expected.subarray(1))
        }
        await source.close?.()
      }
      await handle.close()
    },
  )

  it.each(synthetic)('has the validators that the caller gives: %s', async (each) => {
    const metadata = { etag: '"v1"', type: 'text/plain', lastModified: new Date(5000) }
    expect(await fromFile(each, metadata)).toMatchObject(metadata)
  })

  it.each(synthetic)('is left to the framework as a stream: %s', async (each) => {
    const stream = fs.createReadStream(each)
    expect(await fromReadStream(stream)).toBeUndefined()
    stream.destroy()
    const handle = await fs.promises.open(each)
    const own = handle.createReadStream({ start: 0 })
    expect(await fromReadStream(own)).toBeUndefined()
    own.destroy()
  })
})

describe('readUnsized', () => {
  it.each([0, 65_536, 65_537, 1024 * 1024])('reads %i bytes', async (length) => {
    const bytes = Buffer.alloc(length, 'ab')
    fs.writeFileSync(file, bytes)
    expect((await withOpen(file, (fd) => readUnsized(fd, file))).equals(bytes)).toBe(true)
  })

  it('refuses more than 1 MiB', async () => {
    fs.writeFileSync(file, Buffer.alloc(1024 * 1024 + 1))
    const refusal = { status: 404, code: 'ERR_NOT_A_FILE', path: file }
    await expect(withOpen(file, (fd) => readUnsized(fd, file))).rejects.toMatchObject(refusal)
  })

  it('rejects a file that cannot be read', async () => {
    const refusal = { status: 404, code: 'ERR_NOT_A_FILE' }
    await expect(withOpen(folder, (fd) => readUnsized(fd, folder))).rejects.toMatchObject(refusal)
  })
})
