// aria2, which reads one file over many connections, and remembers which parts it has.

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { frameworks, newest, type Sent } from '../../support/frameworks.ts'
import { firstOnes, misplaced, record, type Recorder } from '../../support/recorder.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const MiB = 1024 * 1024
const bytes = pattern(12 * MiB)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

const options = ['--no-conf', '--quiet', '--file-allocation=none', '--continue', '--timeout=15']

describeWith('aria2c', 'aria2', (aria2c) => {
  let running: Sent
  let recorder: Recorder
  afterEach(() => Promise.all([recorder.close(), running.close()]))

  const args = (target: string) => [
    ...options,
    '-x8',
    '-s8',
    '-k1M',
    `--dir=${path.dirname(target)}`,
    `--out=${path.basename(target)}`,
    `http://127.0.0.1:${recorder.port}/file.bin`,
  ]

  it.each(frameworks)('reads a file from %s over several connections', async (name, start) => {
    running = await start(() => filePath)
    recorder = await record(running.port)
    const target = path.join(folder, `parallel-${name}`)
    expect(await run(aria2c, args(target))).toMatchObject({ code: 0 })
    expect(fs.readFileSync(target).equals(bytes)).toBe(true)
    expect(recorder.mostConnections).toBeGreaterThan(2)
    const partial = recorder.exchanges.filter(({ status }) => status === 206)
    expect(new Set(partial.map(({ asked }) => asked.get('range'))).size).toBeGreaterThan(2)
    expect(misplaced(recorder.exchanges, bytes)).toEqual([])
  })

  describe.each(newest)('and %s', (name, start) => {
    it('continues after its connections are cut', async () => {
      running = await start(() => filePath)
      recorder = await record(running.port, firstOnes(6, 300_000))
      const target = path.join(folder, `cut-${name}`)
      expect(await run(aria2c, ['--retry-wait=0', ...args(target)])).toMatchObject({ code: 0 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })

    it('reads only the missing bytes after a restart', async () => {
      running = await start(() => filePath)
      recorder = await record(running.port, firstOnes(8, 700_000))
      const target = path.join(folder, `stopped-${name}`)
      expect(await run(aria2c, ['--max-tries=1', ...args(target)])).not.toMatchObject({ code: 0 })
      expect(fs.existsSync(`${target}.aria2`)).toBe(true)
      await recorder.close()
      recorder = await record(running.port)
      expect(await run(aria2c, args(target))).toMatchObject({ code: 0 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      // It requests the file without Range first, and then continues after the bytes that it has.
      const [, ...rest] = recorder.exchanges
      expect(rest.length).toBeGreaterThan(0)
      for (const { asked } of rest) expect(asked.get('range')).toMatch(/^bytes=[1-9]/)
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })
  })
})
