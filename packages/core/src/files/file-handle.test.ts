import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../../test/support/collect.ts'
import { fromFile, isFileHandle } from './file.ts'
import type { FileSource } from './file-source.ts'
import { type DirectSource, readInto } from '../sources/source.ts'
import { file, size, bytes, folder, dispose } from '../../../../test/support/clip-file.ts'

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
