// curl, as people use it on a download.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { describeWith } from '../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { parseByteranges } from '../support/multipart.ts'

const run = promisify(execFile)
const folder = temporaryFolder()
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

describeWith('curl', 'curl', (curl) => {
  let running: Sent
  afterEach(() => running.close())

  async function download(target: string, ...args: string[]): Promise<string> {
    const url = `http://127.0.0.1:${running.port}/`
    const options = ['--silent', '--show-error', '--fail', '--max-time', '20', '--output', target]
    const { stdout } = await run(curl, [
      ...options,
      '--write-out',
      '%{http_code} %{content_type}',
      ...args,
      url,
    ])
    return stdout
  }

  it.each(frameworks)('-r gets ranges from %s', async (name, start) => {
    running = await start(() => filePath)
    const target = path.join(folder, `range-${name}`)
    expect(await download(target, '-r', '1000000-1999999')).toMatch(/^206 /)
    expect(fs.readFileSync(target).equals(bytes.subarray(1_000_000, 2_000_000))).toBe(true)
    expect(await download(target, '-r', '-7')).toMatch(/^206 /)
    expect(fs.readFileSync(target).equals(bytes.subarray(-7))).toBe(true)
    const answer = await download(target, '-r', '0-9,2000000-2000009')
    const parts = parseByteranges(answer.replace(/^206 /, ''), fs.readFileSync(target))
    expect(parts.map(({ firstPos, lastPos }) => [firstPos, lastPos])).toEqual([
      [0, 9],
      [2_000_000, 2_000_009],
    ])
  })

  it.each(frameworks)('-C - goes on with a download from %s', async (name, start) => {
    running = await start(() => filePath)
    const target = path.join(folder, `continued-${name}`)
    fs.writeFileSync(target, bytes.subarray(0, 1_234_567))
    expect(await download(target, '-C', '-')).toMatch(/^206 /)
    expect(fs.readFileSync(target).equals(bytes)).toBe(true)
  })
})
