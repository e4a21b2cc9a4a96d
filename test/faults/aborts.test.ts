// Ten thousand clients disconnect: the server holds what it held before.

import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { modified } from '../support/files.ts'

const run = promisify(execFile)
const folder = temporaryFolder()

it('10,000 aborted responses leave no descriptor and no memory', { timeout: 90_000 }, async () => {
  const file = path.join(folder, 'file')
  writeOldFile(file, Buffer.alloc(8 * 1024 * 1024, 1), modified)
  const script = path.join(import.meta.dirname, '../support/aborts.mjs')
  const { stdout } = await run(process.execPath, ['--expose-gc', script], {
    env: { ...process.env, FILE: file, COUNT: '10000', SEED: '1' },
    timeout: 80_000,
  })
  const { idle, before, after, unhandled, seconds } = JSON.parse(stdout)
  const figures = `${JSON.stringify(before)} → ${JSON.stringify(after)}`
  process.stdout.write(`10,000 aborts: ${seconds} s, ${figures}\n`)
  expect(unhandled).toBe(0)
  expect(after.live).toBe(0)
  expect(after.descriptors).toBe(idle.descriptors)
  expect(after.mebibytes).toBeLessThan(before.mebibytes + 4)
})
