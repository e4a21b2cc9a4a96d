// Changes of a file while it is being sent to clients that have paused half-way.

import fs from 'node:fs'
import path from 'node:path'
import http from 'node:http'
import { once } from 'node:events'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import * as forKoa from '@range-serve/koa'
import { contentOf, expectedOf, kindsOfResponse } from '../support/kinds.ts'
import { begin } from '../support/clients.ts'
import { modified, size } from '../support/files.ts'
import {
  openDescriptors,
  pattern,
  temporaryFolder,
  until,
  writeOldFile,
} from '../support/fixture.ts'
import { protocols, type Sent } from '../support/frameworks.ts'
import type { Running } from '../support/listen.ts'
import { startKoa3 } from '../support/koa-apps.ts'

const folder = temporaryFolder()
// More than the kernel buffers for a client that does not read.
const old = pattern(16 * 1024 * 1024)
const other = Buffer.alloc(old.length, 0xff)
const kinds = kindsOfResponse(old.length)

const faults: [what: string, change: (file: string) => void, ending: 'cut' | 'whole'][] = [
  ['truncated', (file) => fs.truncateSync(file, 100_000), 'cut'],
  ['emptied', (file) => fs.truncateSync(file), 'cut'],
  ['grown', (file) => fs.appendFileSync(file, other), 'whole'],
  [
    'replaced by another',
    (file) => (fs.writeFileSync(`${file}~`, other), fs.renameSync(`${file}~`, file)),
    'whole',
  ],
  ['deleted', (file) => fs.rmSync(file), 'whole'],
  ['replaced by a folder', (file) => (fs.rmSync(file), fs.mkdirSync(file)), 'whole'],
  // Root may still read it; an open descriptor needs no permission.
  ['made unreadable', (file) => fs.chmodSync(file, 0), 'whole'],
]

describe.each(protocols)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())
  afterAll(() => until('all files are closed', () => openDescriptors(folder) === 0, 2000))

  it.each(faults)(
    'a file that is %s half-way is sent as it was, or cut off',
    async (what, change, ending) => {
      const file = path.join(folder, `${name} ${what}`.replaceAll('/', ' '))
      writeOldFile(file, old, modified)
      running = await start(() => file)
      const begun = kinds.map(([, { headers }]) =>
        begin(running.server, running.port, { ...headers }),
      )
      await Promise.all(begun.map(({ head }) => head))
      change(file)
      const responses = await Promise.all(begun.map(({ rest }) => rest()))
      for (const [i, [kind, expected]] of kinds.entries()) {
        const response = responses[i]!
        expect(response.status, kind).toBe(expected.status)
        expect(response.complete, kind).toBe(ending === 'whole')
        // Not a byte is of the new file.
        if (ending === 'whole') {
          expect(contentOf(response, expected).equals(expectedOf(old, expected)), kind).toBe(true)
        } else {
          expect(response.content.includes(0xff), kind).toBe(false)
        }
      }
      await until('all transfers end', () => running.transfers.length === kinds.length)
      const ends = running.transfers.map(({ aborted, error }) => [aborted, (error as { code?: string })?.code]) // prettier-ignore
      const expectedEnd = ending === 'whole' ? [false, undefined] : [true, 'ERR_SOURCE_TOO_SHORT']
      expect(ends).toEqual(kinds.map(() => expectedEnd))
      fs.rmSync(file, { recursive: true, force: true })
    },
  )
})

describe('a stream whose descriptor is closed', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  it('never sends bytes of the next file with its number', async () => {
    const other = path.join(folder, 'next.bin')
    writeOldFile(other, Buffer.alloc(size, 'B'), modified)
    const large = path.join(folder, 'large.bin')
    writeOldFile(large, Buffer.alloc(16 * size, 'A'), modified)
    let stream: fs.ReadStream | undefined
    running = await startKoa3(forKoa.rangeServe(), (ctx) => {
      stream = fs.createReadStream(large)
      ctx.body = stream
    })
    const received: Buffer[] = []
    let next: Promise<number> | undefined
    await new Promise<void>((resolve) => {
      const headers = { Range: 'bytes=1-' }
      const target = { host: '127.0.0.1', port: running!.port, headers, agent: false }
      http.get(target, (response) => {
        response.once('data', () => {
          stream!.destroy()
          next = once(stream!, 'close').then(() => fs.openSync(other, 'r'))
        })
        response.on('data', (chunk: Buffer) => received.push(chunk))
        response.on('error', () => {})
        response.on('close', resolve)
      })
    })
    // The stream may close after the response.
    fs.closeSync(await next!)
    const all = Buffer.concat(received)
    expect(all.length).toBeLessThan(16 * size - 1)
    expect(all.includes('B')).toBe(false)
  })
})
