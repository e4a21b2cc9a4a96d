// Changes of a file while it is being sent to clients that have paused half-way.

import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { contentOf, expectedOf, kindsOfAnswer } from '../support/answers.ts'
import { begin } from '../support/clients.ts'
import { modified } from '../support/files.ts'
import {
  openDescriptors,
  pattern,
  temporaryFolder,
  until,
  writeOldFile,
} from '../support/fixture.ts'
import { protocols, type Sent } from '../support/frameworks.ts'

const folder = temporaryFolder()
// More than the kernel buffers for a client that does not read.
const old = pattern(16 * 1024 * 1024)
const other = Buffer.alloc(old.length, 0xff)
const kinds = kindsOfAnswer(old.length)

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

  it.each(faults)('a file that is %s', async (what, change, ending) => {
    const file = path.join(folder, `${name} ${what}`.replaceAll('/', ' '))
    writeOldFile(file, old, modified)
    running = await start(() => file)
    const begun = kinds.map(([, { headers }]) =>
      begin(running.server, running.port, { ...headers }),
    )
    await Promise.all(begun.map(({ head }) => head))
    change(file)
    const answers = await Promise.all(begun.map(({ rest }) => rest()))
    for (const [i, [kind, expected]] of kinds.entries()) {
      const answer = answers[i]!
      expect(answer.status, kind).toBe(expected.status)
      expect(answer.complete, kind).toBe(ending === 'whole')
      // There is not a byte of the new file.
      if (ending === 'whole') {
        expect(contentOf(answer, expected).equals(expectedOf(old, expected)), kind).toBe(true)
      } else {
        expect(answer.content.includes(0xff), kind).toBe(false)
      }
    }
    await until('all transfers end', () => running.transfers.length === kinds.length)
    const ends = running.transfers.map(({ aborted, error }) => [aborted, (error as { code?: string })?.code]) // prettier-ignore
    const expectedEnd = ending === 'whole' ? [false, undefined] : [true, 'ERR_SOURCE_TOO_SHORT']
    expect(ends).toEqual(kinds.map(() => expectedEnd))
    fs.rmSync(file, { recursive: true, force: true })
  })
})
