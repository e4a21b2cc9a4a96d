import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DirectSource, readInto } from '../sources/source.ts'
import { readPolicy } from './read-policy.ts'
import { fromReadStream } from './read-stream.ts'
import { keepRecent, recentFile } from './recent-files.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'recent-'))
let file: string
let count = 0

beforeEach(async () => {
  file = path.join(folder, `${count++}`)
  fs.writeFileSync(file, 'first content')
  // It settles: what is being written is never read synchronously.
  await new Promise((resolve) => setTimeout(resolve, 30))
  // On a busy machine the policy itself would forbid some of it.
  vi.spyOn(readPolicy, 'quickly').mockImplementation((_device, operation) => operation())
})

afterEach(() => vi.restoreAllMocks())
afterAll(() => fs.rmSync(folder, { recursive: true }))

const statsOf = (name: string) => fs.statSync(name, { bigint: true })

/** What a source gives at once, if it does. */
function readNow(source: DirectSource): string | undefined {
  const target = Buffer.alloc(5)
  const bytesRead = source.readSync?.(target, 5, 0)
  return bytesRead === undefined ? undefined : target.toString('latin1', 0, bytesRead)
}

async function open(stream: fs.ReadStream, reads?: 'adaptive' | 'async'): Promise<DirectSource> {
  return (await fromReadStream(stream, reads)) as DirectSource
}

/** Reads the file through a stream of its own, once, as a response does. */
async function respondOnce(): Promise<void> {
  const source = await open(fs.createReadStream(file))
  expect(readNow(source)).toBeUndefined()
  await readInto(source, Buffer.alloc(5), 5, 0)
  void source.close!()
}

describe('recentFile', () => {
  it('is the same for as long as the file is unchanged', () => {
    const kept = keepRecent(file, statsOf(file))
    expect(keepRecent(file, statsOf(file))).toBe(kept)
    expect(recentFile(file)).toBe(kept)
    fs.writeFileSync(file, 'other content')
    fs.utimesSync(file, 1e9, 1e9)
    expect(keepRecent(file, statsOf(file))).not.toBe(kept)
  })

  it('is another one for another file of the same path', () => {
    const kept = keepRecent(file, statsOf(file))
    fs.renameSync(file, `${file}.old`)
    fs.writeFileSync(file, 'first content')
    expect(keepRecent(file, statsOf(file))).not.toBe(kept)
  })
})

describe('the file of a stream', () => {
  it('is read synchronously once another stream has read it', async () => {
    await respondOnce()
    const source = await open(fs.createReadStream(file))
    expect(readNow(source)).toBe('first')
    void source.close!()
  })

  it('is read asynchronously if it has been replaced', async () => {
    await respondOnce()
    fs.renameSync(file, `${file}.old`)
    fs.writeFileSync(file, 'other content')
    const source = await open(fs.createReadStream(file))
    expect(readNow(source)).toBeUndefined()
    void source.close!()
  })

  it('is read asynchronously if that is requested', async () => {
    await respondOnce()
    const source = await open(fs.createReadStream(file), 'async')
    expect(readNow(source)).toBeUndefined()
    void source.close!()
  })

  it('tells nothing of its path if it was opened by other code', async () => {
    const fd = fs.openSync(file, 'r')
    const source = await open(fs.createReadStream('/elsewhere', { fd, start: 0 }))
    expect(recentFile('/elsewhere')).toBeUndefined()
    void source.close!()
  })

  it('is read asynchronously if the policy forbids it', async () => {
    await respondOnce()
    vi.mocked(readPolicy.quickly).mockReturnValue(undefined)
    const source = await open(fs.createReadStream(file))
    expect(readNow(source)).toBeUndefined()
    void source.close!()
  })

  it('is closed once: its descriptor is that of another file soon', async () => {
    await respondOnce()
    const stream = fs.createReadStream(file)
    const closed = once(stream, 'close')
    const source = await open(stream)
    void source.close!()
    // It has the number that has just become free.
    const other = fs.openSync(file, 'r')
    await closed
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(fs.fstatSync(other).isFile()).toBe(true)
    fs.closeSync(other)
  })

  it.each(['destroy', '_destroy'] as const)('is left to a stream with its own %s', async (name) => {
    await respondOnce()
    const stream = fs.createReadStream(file)
    const closed = once(stream, 'close')
    const destroy: Function = Reflect.get(stream, name)
    let fd: unknown
    Reflect.set(stream, name, (...args: unknown[]) => {
      fd = Reflect.get(stream, 'fd')
      return Reflect.apply(destroy, stream, args) as unknown
    })
    const source = await open(stream)
    void source.close!()
    await closed
    expect(fd).toBeTypeOf('number')
  })
})
