// The table of open files: nothing stale, nothing unbounded, no request delayed.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { fromReader, type SendOptions } from '@range-serve/core'
import { folder, modified } from '../support/files.ts'
import { openDescriptors, pattern, until, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { ask, exchange, field } from '../support/raw.ts'

const run = promisify(execFile)

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  const changes: [what: string, change: (filePath: string) => void, expected: Buffer][] = [
    ['written again', (file) => fs.writeFileSync(file, 'BBBB'), Buffer.from('BBBB')],
    [
      'replaced',
      (file) => (fs.writeFileSync(`${file}~`, 'CCCC'), fs.renameSync(`${file}~`, file)),
      Buffer.from('CCCC'),
    ],
    ['truncated', (file) => fs.truncateSync(file, 2), Buffer.from('AA')],
    ['grown', (file) => fs.appendFileSync(file, 'DD'), Buffer.from('AAAADD')],
  ]
  it.each(changes)('shows at once that a file was %s', async (what, change, expected) => {
    const filePath = path.join(folder, `${name}-${what}`)
    for (const option of ['adaptive', 'async'] as const) {
      writeOldFile(filePath, Buffer.from('AAAA'), modified)
      running = await start(() => filePath, { reads: option })
      const before = await ask(running.port, { headers: [['Range', 'bytes=0-9']] })
      expect(before.content.toString(), option).toBe('AAAA')
      change(filePath)
      const after = await ask(running.port, { headers: [['Range', 'bytes=0-9']] })
      expect(after.content.equals(expected), option).toBe(true)
      expect(field(after, 'ETag')).not.toBe(field(before, 'ETag'))
      await running.close()
    }
  })

  it('shows at once that a file was touched, and does not resume an earlier download', async () => {
    const filePath = path.join(folder, `${name}-touched`)
    writeOldFile(filePath, Buffer.from('AAAA'), modified)
    running = await start(() => filePath)
    const etag = field(await ask(running.port, { headers: [['Range', 'bytes=0-1']] }), 'ETag')!
    const rest = { headers: [['Range', 'bytes=2-'], ['If-Range', etag]] } as const // prettier-ignore
    expect((await ask(running.port, rest)).status).toBe(206)
    fs.utimesSync(filePath, modified, new Date('2025-01-01T10:00:01Z'))
    expect((await ask(running.port, rest)).status).toBe(200)
    fs.rmSync(filePath)
    expect((await ask(running.port, rest)).status).toBe(404)
  })

  it('sees a change during concurrent requests for the same file', async () => {
    const filePath = path.join(folder, `${name}-busy`)
    writeOldFile(filePath, Buffer.from('0000'), modified)
    running = await start(() => filePath)
    const others = { stop: false }
    const asking = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 500 && !others.stop; i++) await ask(running.port, {})
      }),
    )
    for (let i = 1; i <= 30; i++) {
      const text = String(i).padStart(4, '0')
      fs.writeFileSync(`${filePath}~`, text)
      fs.renameSync(`${filePath}~`, filePath)
      expect((await ask(running.port, {})).content.toString()).toBe(text)
    }
    others.stop = true
    await asking
  })

  let refuses = false
  const disappointments: [what: string, spoil: (file: string) => void, options: SendOptions][] = [
    ['deleted', (file) => fs.rmSync(file), {}],
    ['replaced', (file) => fs.renameSync(`${file}~`, file), {}],
    ['replaced by a folder', (file) => (fs.rmSync(file), fs.mkdirSync(file)), {}],
    [
      'refused by an etag function',
      (file) => (fs.appendFileSync(file, 'B'), (refuses = true)),
      {
        etag: () => {
          if (refuses) throw new Error('No etag')
          return '"v1"'
        },
      },
    ],
  ]
  it.each(disappointments)(
    'sends none of the old bytes of a file that was %s, and closes it',
    async (what, spoil, options) => {
      const filePath = path.join(folder, `${name}-spoilt-${what}`)
      writeOldFile(filePath, Buffer.from('AAAA'), modified)
      writeOldFile(`${filePath}~`, Buffer.from('BBBB'), modified)
      running = await start(() => filePath, options)
      expect((await ask(running.port, {})).content.toString()).toBe('AAAA')
      expect(openDescriptors(filePath)).toBe(1)
      spoil(filePath)
      const responses = await Promise.all(Array.from({ length: 20 }, () => ask(running.port, {})))
      expect(responses.map(({ content }) => content.toString())).not.toContain('AAAA')
      await until('all is closed', () => openDescriptors(filePath) === 0)
    },
  )

  it('closes a file soon after the last request', async () => {
    const filePath = path.join(folder, `${name}-idle`)
    writeOldFile(filePath, pattern(1000), modified)
    running = await start(() => filePath)
    await exchange(running.port, [{}, {}, {}])
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('does not let a slow source delay other responses', async () => {
    const filePath = path.join(folder, `${name}-fast`)
    writeOldFile(filePath, pattern(1000), modified)
    let isSlow = true
    const reads: number[] = []
    let proceed = () => {}
    const allowed = new Promise<void>((resolve) => (proceed = resolve))
    running = await start(() => {
      if (!isSlow) return filePath
      return fromReader({
        length: 100_000,
        maxRead: 10_000,
        read: async ({ firstPos, lastPos }) => {
          reads.push(firstPos)
          await allowed
          return Buffer.alloc(lastPos - firstPos + 1)
        },
      })
    })
    let isDone = false
    const slow = ask(running.port, {}).then(() => (isDone = true))
    await until('the slow response has begun', () => reads.length > 0)
    isSlow = false
    for (let i = 0; i < 50; i++) expect((await ask(running.port, {})).content.length).toBe(1000)
    expect(isDone).toBe(false)
    proceed()
    await slow
    expect(reads.length).toBe(10)
  })
})

describe('a process with few descriptors', () => {
  it('serves more files than it can keep open', async () => {
    const files = Array.from({ length: 200 }, (_, i) => path.join(folder, `many-${i}`))
    for (const file of files) writeOldFile(file, Buffer.from(file), modified)
    const script = path.join(import.meta.dirname, '../support/few-descriptors.mjs')
    const { stdout } = await run(
      'sh',
      ['-c', `ulimit -n 60 && exec "${process.execPath}" "${script}"`],
      {
        env: { ...process.env, FILES: JSON.stringify(files) },
        timeout: 15_000,
      },
    )
    expect(stdout.trim()).toBe('200 of 200')
  })
})
