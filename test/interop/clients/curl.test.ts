// curl, as used for downloads.

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { frameworks, startHttp2 } from '../../support/frameworks.ts'
import type { Running } from '../../support/listen.ts'
import { parseByteranges } from '../../support/multipart.ts'
import { firstOnes, misplaced, record } from '../../support/recorder.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const modified = new Date('2025-01-01T10:00:00Z')
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, modified)

describeWith('curl', 'curl', (curl) => {
  const open: Pick<Running, 'close'>[] = []
  afterEach(() => Promise.all(open.splice(0).map((running) => running.close())))

  /** Its exit code, and the status, HTTP version and type of the last response. */
  async function download(port: number, target: string, ...args: string[]) {
    const url = `http://127.0.0.1:${port}/`
    const options = ['--silent', '--show-error', '--fail', '--max-time', '20', '--output', target]
    const written = ['--write-out', '%{http_code} %{http_version} %{content_type}']
    const { code, stdout } = await run(curl, [...options, ...written, ...args, url])
    const [status = '', version, ...type] = stdout.toString().split(' ')
    return { code, status: Number(status), version, type: type.join(' ') }
  }

  /** A separate file, for tests that replace it. */
  function ownFile(name: string): string {
    const own = path.join(folder, name)
    writeOldFile(own, bytes, modified)
    return own
  }

  const versions = [
    ...frameworks.map(([name, start]) => [name, start, '1.1', []] as const),
    ['node:http2', startHttp2, '2', ['--http2-prior-knowledge']] as const,
  ]
  describe.each(versions)('and %s', (name, start, version, options) => {
    it('-r gets a range, a suffix, and several', async () => {
      const running = await start(() => filePath)
      open.push(running)
      const target = path.join(folder, `range-${name}`)
      const read = (range: string) => download(running.port, target, ...options, '-r', range)
      expect(await read('1000000-1999999')).toMatchObject({ code: 0, status: 206, version })
      expect(fs.readFileSync(target).equals(bytes.subarray(1_000_000, 2_000_000))).toBe(true)
      expect(await read('-7')).toMatchObject({ code: 0, status: 206 })
      expect(fs.readFileSync(target).equals(bytes.subarray(-7))).toBe(true)
      const { status, type } = await read('0-9,2000000-2000009')
      expect(status).toBe(206)
      const parts = parseByteranges(type, fs.readFileSync(target))
      expect(parts.map(({ firstPos, lastPos }) => [firstPos, lastPos])).toEqual([
        [0, 9],
        [2_000_000, 2_000_009],
      ])
    })

    it('-C - resumes a download', async () => {
      const running = await start(() => filePath)
      open.push(running)
      const target = path.join(folder, `continued-${name}`)
      fs.writeFileSync(target, bytes.subarray(0, 1_234_567))
      const received = await download(running.port, target, ...options, '-C', '-')
      expect(received).toMatchObject({ code: 0, status: 206, version })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
    })
  })

  describe.each(frameworks)('and %s, after the connection is cut half-way', (name, start) => {
    /** Downloads as far as possible, and saves the entity-tag. */
    async function halfOf(file: string) {
      const running = await start(() => file)
      const recorder = await record(running.port, firstOnes(1, 1_234_567))
      open.push(recorder, running)
      const target = path.join(folder, `${path.basename(file)}-got`)
      const saved = path.join(folder, `${path.basename(file)}-etag`)
      // 18: a part of the file was transferred.
      expect(await download(recorder.port, target, '--etag-save', saved)).toMatchObject({
        code: 18,
      })
      expect(fs.readFileSync(target).equals(bytes.subarray(0, 1_234_567))).toBe(true)
      const ifRange = `If-Range: ${fs.readFileSync(saved, 'utf8').trim()}`
      const goOn = (...args: string[]) => download(recorder.port, target, '-C', '-', ...args)
      return { recorder, target, ifRange, goOn }
    }

    it('resumes, and does not touch a complete file', async () => {
      const { recorder, target, goOn } = await halfOf(ownFile(`${name}-cut`))
      expect(await goOn()).toMatchObject({ code: 0, status: 206 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      expect(await goOn()).toMatchObject({ status: 416 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      expect(recorder.exchanges.map(({ asked }) => asked.get('range'))).toEqual([
        undefined,
        'bytes=1234567-',
        'bytes=3000000-',
      ])
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })

    it('resumes under If-Range, but not with another file', async () => {
      const file = ownFile(`${name}-replaced`)
      const { recorder, target, ifRange, goOn } = await halfOf(file)
      writeOldFile(`${file}~`, Buffer.alloc(3_000_000, 'B'), modified)
      fs.renameSync(`${file}~`, file)
      fs.utimesSync(file, modified, new Date('2025-01-01T10:00:01Z'))
      // 33: the server does not resume from there.
      expect(await goOn('-H', ifRange)).toMatchObject({ code: 33, status: 200 })
      expect(fs.readFileSync(target).equals(bytes.subarray(0, 1_234_567))).toBe(true)
      writeOldFile(file, bytes, modified)
      expect(await goOn('-H', ifRange)).toMatchObject({ code: 0, status: 206 })
      expect(fs.readFileSync(target).equals(bytes)).toBe(true)
      const statuses = recorder.exchanges.map(({ asked, status }) => [
        asked.has('if-range'),
        status,
      ])
      expect(statuses).toEqual([[false, 200], [true, 200], [true, 206]]) // prettier-ignore
    })
  })
})
