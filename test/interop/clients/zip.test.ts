// Archives of fromZip, unpacked by programs independent of range-serve.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { serve, type Source } from '@range-serve/core'
import { readRange } from '@range-serve/core/sources'
import { fromZip, type ZipEntry } from '@range-serve/zip'
import { HttpReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { listen, type Running } from '../../support/listen.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const inFolder = (name: string) => path.join(folder, name)
const modified = new Date('2025-01-01T10:00:00Z')
const big = pattern(3_000_000)
writeOldFile(inFolder('big.bin'), big, modified)

/** Longer than 32 bits can express, so that what follows lies beyond 4 GiB. All of it is a hole. */
const sparseLength = 2 ** 32 + 10
const sparseCrc32 = 1_804_055_020
fs.closeSync(fs.openSync(inFolder('sparse.bin'), 'w'))
fs.truncateSync(inFolder('sparse.bin'), sparseLength)
const many = 70_000

const archives: Record<string, () => ZipEntry[]> = {
  '/mixed.zip': () => [
    { name: 'big.bin', source: inFolder('big.bin') },
    { name: 'empty/' },
    { name: 'fotos/Äpfel ☃.txt', source: Buffer.from('snow\n'), lastModified: modified },
    { name: 'nothing.txt', source: Buffer.alloc(0) },
    { name: 'known.txt', source: Buffer.from('known\n'), crc32: crc32('known\n') },
    { name: 'blob.txt', source: new Blob(['blob']) },
    { name: 'big-again.bin', source: inFolder('big.bin') },
  ],
  '/many.zip': () => {
    const source = Buffer.from('x')
    return Array.from({ length: many }, (_, i) => ({ name: `f/${i}`, source }))
  },
  '/large.zip': () => [
    { name: 'sparse.bin', source: inFolder('sparse.bin'), crc32: sparseCrc32 },
    { name: 'last.txt', source: Buffer.from('beyond 4 GiB') },
  ],
}

let running: Running
const requests: string[] = []
beforeAll(async () => {
  running = await listen(
    http.createServer((request, response) => {
      requests.push(request.headers.range ?? '')
      const entries = archives[request.url!]
      if (!entries) return void response.writeHead(404).end()
      void serve(request, response, fromZip(entries()), { filename: 'all.zip' })
    }),
  )
})
afterAll(() => running.close())
const urlOf = (name: string) => `http://127.0.0.1:${running.port}/${name}`

/** Writes an archive to a file; zeros become holes. */
async function write(name: string): Promise<string> {
  const target = inFolder(name)
  if (fs.existsSync(target)) return target
  const source = await fromZip(archives[`/${name}`]!())
  const file = fs.openSync(target, 'w')
  try {
    const ranges =
      source.length < sparseLength
        ? [{ firstPos: 0, lastPos: source.length - 1 }]
        : [
            { firstPos: 0, lastPos: 999 },
            { firstPos: sparseLength, lastPos: source.length - 1 },
          ]
    for (const range of ranges) await copy(source, range, file)
  } finally {
    fs.closeSync(file)
  }
  return target
}

async function copy(
  source: Source,
  range: { firstPos: number; lastPos: number },
  file: number,
): Promise<void> {
  let position = range.firstPos
  for await (const chunk of readRange(source, range, new AbortController().signal)) {
    position += fs.writeSync(file, chunk, 0, chunk.length, position)
  }
}

describeWith('unzip', 'unzip', (unzip) => {
  it.each(['mixed.zip', 'many.zip'])('finds no fault in %s', async (name) => {
    const { code, stdout } = await run(unzip, ['-tqq', await write(name)])
    expect([code, stdout.toString()]).toEqual([0, ''])
  })

  it('unpacks folders, names in UTF-8 and times', async () => {
    const to = inFolder('unpacked')
    const unpacked = await run(unzip, ['-q', await write('mixed.zip'), '-d', to])
    expect(unpacked).toMatchObject({ code: 0, stderr: '' })
    expect(fs.readFileSync(`${to}/big.bin`).equals(big)).toBe(true)
    expect(fs.readFileSync(`${to}/fotos/Äpfel ☃.txt`, 'utf8')).toBe('snow\n')
    expect(fs.readdirSync(`${to}/empty`)).toEqual([])
    expect(fs.statSync(`${to}/big.bin`).mtime).toEqual(modified)
    expect(fs.statSync(`${to}/big.bin`).mode & 0o777).toBe(0o644)
  })

  it('reads an entry beyond 4 GiB', async () => {
    const { code, stdout } = await run(unzip, ['-p', await write('large.zip'), 'last.txt'])
    expect([code, stdout.toString()]).toEqual([0, 'beyond 4 GiB'])
  })
})

describeWith('zipinfo', 'zipinfo', (zipinfo) => {
  it.each([
    ['mixed.zip', '7 files'],
    ['many.zip', `${many} files`],
    ['large.zip', '2 files'],
  ])('lists %s without a warning', async (name, files) => {
    const { code, stdout, stderr } = await run(zipinfo, ['-t', await write(name)])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.toString()).toContain(files)
  })
})

describeWith('python3', "Python's zipfile", (python) => {
  const script = (name: string, check: string) =>
    `import zipfile, sys; z = zipfile.ZipFile(sys.argv[1]); ${check}`.replace('NAME', name)

  it.each([
    ['mixed.zip', 'print(z.testzip(), len(z.read("big-again.bin")), z.namelist()[2])'],
    ['many.zip', 'print(len(z.namelist()), z.read("f/69999").decode())'],
    ['large.zip', 'print(z.getinfo("sparse.bin").file_size, z.read("last.txt").decode())'],
  ])('reads %s', async (name, check) => {
    const { code, stdout, stderr } = await run(python, ['-X', 'utf8', '-c', script(name, check), await write(name)]) // prettier-ignore
    const expected: Record<string, string> = {
      'mixed.zip': `None ${big.length} fotos/Äpfel ☃.txt`,
      'many.zip': `${many} x`,
      'large.zip': `${sparseLength} beyond 4 GiB`,
    }
    expect([code, stderr, stdout.toString().trim()]).toEqual([0, '', expected[name]])
  })
})

describe('zip.js over HTTP ranges', () => {
  async function withReader<T>(
    name: string,
    use: (reader: ZipReader<unknown>) => Promise<T>,
  ): Promise<T> {
    const source = new HttpReader(urlOf(name), { useRangeHeader: true })
    const reader = new ZipReader(source, { checkSignature: true, useWebWorkers: false })
    try {
      return await use(reader)
    } finally {
      await reader.close()
    }
  }

  async function read(reader: ZipReader<unknown>, name: string): Promise<Buffer> {
    for (const entry of await reader.getEntries()) {
      if (entry.filename !== name || entry.directory) continue
      return Buffer.from(await entry.getData(new Uint8ArrayWriter()))
    }
    throw new Error(`No entry ${name}`)
  }

  it('reads an entry alone', async () => {
    requests.length = 0
    const content = await withReader('mixed.zip', (reader) => read(reader, 'big-again.bin'))
    expect(content.equals(big)).toBe(true)
    expect(requests.filter((range) => range !== '').length).toBeGreaterThan(1)
  })

  it('reads an entry beyond 4 GiB', async () => {
    const content = await withReader('large.zip', (reader) => read(reader, 'last.txt'))
    expect(content.toString()).toBe('beyond 4 GiB')
  })
})

describeWith('curl', 'curl', (curl) => {
  it('resumes in the middle of an entry', async () => {
    const target = inFolder('resumed.zip')
    const options = ['-sS', '--fail', '--max-time', '20', '-o', target]
    await run(curl, [...options, '-r', '0-1234567', urlOf('mixed.zip')])
    expect(fs.statSync(target).size).toBe(1_234_568)
    const { code } = await run(curl, [...options, '-C', '-', urlOf('mixed.zip')])
    expect(code).toBe(0)
    expect(requests.at(-1)).toBe('bytes=1234568-')
    expect(fs.readFileSync(target).equals(fs.readFileSync(await write('mixed.zip')))).toBe(true)
  })
})
