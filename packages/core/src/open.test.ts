import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSource, type Servable } from './open.ts'
import type { SendOptions } from './options.ts'
import { fromBuffer } from './sources/buffer.ts'

let folder: string
beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'open-')))
  fs.mkdirSync(path.join(folder, 'a'))
  fs.writeFileSync(path.join(folder, 'b.bin'), 'content')
  fs.utimesSync(path.join(folder, 'b.bin'), 1e9, 1e9)
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

const bytes = new Uint8Array(10)

async function lengthOf(servable: Servable, options: SendOptions = {}): Promise<number> {
  const source = await openSource(servable, options)
  await source.close?.(true)
  return source.length
}

describe('openSource', () => {
  it.each<[what: string, make: () => Servable, length: number]>([
    ['a promise of bytes', () => Promise.resolve(bytes), 10],
    ['a promise of a path', async () => path.join(folder, 'b.bin'), 7],
    ['a promise of a source', async () => fromBuffer(bytes), 10],
    ['a thenable', () => ({ then: (resolve: Function) => resolve(bytes) }) as never, 10], // oxlint-disable-line unicorn/no-thenable
  ])('waits for %s', async (_, make, length) => {
    expect(await lengthOf(make())).toBe(length)
  })

  it('rejects as a promise does, and for a value that cannot be sent', async () => {
    const error = new Error('no row')
    await expect(lengthOf(Promise.reject(error))).rejects.toBe(error)
    await expect(lengthOf(Promise.resolve(undefined as never))).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARGUMENT',
    })
  })

  it.each<[what: string, filePath: string, root: () => string | URL]>([
    ['a path', 'b.bin', () => folder],
    ['a file: URL', 'b.bin', () => pathToFileURL(folder)],
    ['a file: URL with a slash', 'b.bin', () => pathToFileURL(`${folder}/`)],
    ['a path that climbs inside', 'a/../b.bin', () => folder],
    ['a path that climbs out of a folder that is not there', '/x/y/../../b.bin', () => folder],
  ])('finds in a root a file by %s', async (_, filePath, root) => {
    expect(await lengthOf(filePath, { root: root() })).toBe(7)
  })

  it.each([
    ['a path that leaves it', '../b.bin'],
    ['a path that leaves it and comes back', `a/../../a/../b.bin`],
  ])('finds no file in a root by %s', async (_, filePath) => {
    await expect(lengthOf(filePath, { root: path.join(folder, 'a') })).rejects.toMatchObject({
      status: 404,
      code: 'ERR_OUTSIDE_ROOT',
    })
  })

  it('finds nothing below a root that is a file', async () => {
    const root = path.join(folder, 'b.bin')
    await expect(lengthOf('a', { root })).rejects.toMatchObject({ status: 404 })
  })

  const stream = 'write fromStream(stream, { length })'
  it.each<[got: string, make: () => unknown, instead: string]>([
    ['undefined', () => undefined, 'respond with 404'],
    ['null', () => null, 'respond with 404'],
    ['number', () => 5, 'FileHandle'],
    ['boolean', () => true, 'give a path'],
    ['bigint', () => 5n, 'give a path'],
    ['symbol', () => Symbol('a'), 'give a path'],
    ['function', () => () => bytes, 'fromStream(open, { length })'],
    ['ReadStream', () => fs.createReadStream(path.join(folder, 'b.bin')), 'give the path itself, or write fromStream'],
    ['Readable', () => Readable.from([bytes]), stream],
    ['PassThrough', () => new PassThrough(), stream],
    ['Writable', () => new Writable(), 'it cannot be read'],
    ['ReadableStream', () => Readable.toWeb(Readable.from([bytes])), stream],
    ['AsyncGenerator', () => (async function* () { yield bytes })(), stream],
    ['Response', () => new Response('a'), 'fromStream(response.body, { length })'],
    ['ArrayBuffer', () => bytes.buffer, 'new Uint8Array(buffer)'],
    ['SharedArrayBuffer', () => new SharedArrayBuffer(5), 'new Uint8Array(buffer)'],
    ['Uint16Array', () => new Uint16Array(5), 'new Uint8Array(view.buffer'],
    ['DataView', () => new DataView(bytes.buffer), 'new Uint8Array(view.buffer'],
    ['Array', () => [bytes], 'Buffer.concat(chunks)'],
    ['Object', () => ({ length: 5 }), 'fromReader({ length, read })'],
    ['Object', () => ({}), 'give a path'],
    ['object', () => Object.create(null), 'give a path'],
    ['Object', () => ({ constructor: 5 }), 'give a path'],
    ['Date', () => new Date(), 'give a path'],
  ])('refuses %s', (got, make, instead) => {
    const value = make()
    expect(() => openSource(value as Servable, {})).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringContaining(instead),
      }),
    )
    if (typeof value !== 'object' || got !== 'AsyncGenerator') {
      const name = got === 'Object' && Object.hasOwn(value as object, 'constructor') ? 'object' : got
      expect(() => openSource(value as Servable, {})).toThrow(`Cannot serve ${name}:`)
    }
    if (value instanceof Readable) value.on('error', () => {}).destroy()
  }) // prettier-ignore
})
