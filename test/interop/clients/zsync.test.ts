// zsync, which has an older version of a file and requests only the blocks that changed, several
// ranges at a time.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { frameworks, type Sent } from '../../support/frameworks.ts'
import { parseByteranges } from '../../support/multipart.ts'
import { bytesPassed, record, type Recorder } from '../../support/recorder.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const filePath = path.join(folder, 'file.bin')
const oldPath = path.join(folder, 'old.bin')
const size = 3 * 1024 * 1024 + 54_321
/** Far more than two blocks of zsync, so that the changes stay separate ranges. */
const changes = Array.from({ length: 12 }, (_, index) => 100_000 + index * 250_000)

/** Bytes without a period, since zsync finds a block wherever it occurs. */
function noise(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

const bytes = noise(size)
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))
const old = Buffer.from(bytes)
for (const position of changes) old.fill(0, position, position + 1000)
fs.writeFileSync(oldPath, old)

describeWith('zsync', 'zsync', (zsync) => {
  describeWith('zsyncmake', 'with a control file', (zsyncmake) => {
    let running: Sent
    let recorder: Recorder
    afterEach(() => Promise.all([recorder.close(), running.close()]))

    it.each(frameworks)('updates a file from %s', { timeout: 90_000 }, async (name, start) => {
      running = await start(() => filePath)
      recorder = await record(running.port)
      const control = path.join(folder, `${name.replace(/\W/g, '')}.zsync`)
      const target = path.join(folder, `${name.replace(/\W/g, '')}.bin`)
      const url = `http://127.0.0.1:${recorder.port}/file.bin`
      execFileSync(zsyncmake, ['-b', '2048', '-u', url, '-o', control, filePath])
      const args = ['-q', '-i', oldPath, '-o', target, control]
      expect(await run(zsync, args, folder)).toMatchObject({ code: 0 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)

      const several = recorder.exchanges.filter(({ asked }) => asked.get('range')?.includes(','))
      expect(several.length).toBeGreaterThan(0)
      for (const { status, fields, content } of several) {
        expect(status).toBe(206)
        expect(content).toHaveLength(Number(fields.get('content-length')))
        for (const part of parseByteranges(fields.get('content-type')!, content)) {
          const { firstPos, lastPos } = part
          expect(part.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
        }
      }
      expect(bytesPassed(recorder.exchanges)).toBeLessThan(size / 10)
    })
  })
})
