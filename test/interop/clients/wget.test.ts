// wget, which resumes by itself after a cut connection, and on demand.

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { frameworks, type Sent } from '../../support/frameworks.ts'
import { firstOnes, misplaced, record, type Recorder } from '../../support/recorder.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

describeWith('wget', 'wget', (wget) => {
  describe.each(frameworks)('and %s', (name, start) => {
    let running: Sent
    let recorder: Recorder
    afterEach(() => Promise.all([recorder.close(), running.close()]))

    function download(target: string, ...args: string[]) {
      const options = ['--no-config', '--no-verbose', '--timeout=15', '-O', target]
      return run(wget, [...options, ...args, `http://127.0.0.1:${recorder.port}/`])
    }
    const asked = () => recorder.exchanges.map((each) => [each.asked.get('range'), each.status])

    it('resumes by itself after the connection was cut twice', async () => {
      running = await start(() => filePath)
      recorder = await record(running.port, firstOnes(2, 1_000_000))
      const target = path.join(folder, `retried-${name}`)
      expect(await download(target, '--tries=5', '--waitretry=0')).toMatchObject({ code: 0 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      expect(asked()).toEqual([
        [undefined, 200],
        ['bytes=1000000-', 206],
        ['bytes=2000000-', 206],
      ])
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })

    it('-c resumes a partial file, and does not touch a complete one', async () => {
      running = await start(() => filePath)
      recorder = await record(running.port, firstOnes(1, 1_234_567))
      const target = path.join(folder, `continued-${name}`)
      expect(await download(target, '--tries=1')).not.toMatchObject({ code: 0 })
      expect(fs.readFileSync(target).equals(bytes.subarray(0, 1_234_567))).toBe(true)
      for (let i = 0; i < 2; i++) {
        expect(await download(target, '-c')).toMatchObject({ code: 0 })
        expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      }
      expect(asked()).toEqual([
        [undefined, 200],
        ['bytes=1234567-', 206],
        ['bytes=3000000-', 416],
      ])
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })
  })
})
