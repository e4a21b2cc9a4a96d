// fromHttp over the servers that most origins are: nginx and Apache.

import fs from 'node:fs'
import path from 'node:path'
import { fromHttp } from '@range-serve/http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { check } from '../conformance/check.ts'
import { representation, requirements } from '../conformance/requirements.ts'
import { bytes } from '../conformance/sources.ts'
import { describeWith } from '../support/available.ts'
import { type Engine, startEngine } from '../support/engine.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { pattern, temporaryFolder, until, writeOldFile } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { readAll } from '../support/origin.ts'
import { ask, exchange, field } from '../support/raw.ts'
import { startRequirementsServer } from './table.ts'

const root = temporaryFolder()
const large = pattern(5_000_000)
const modified = new Date('2025-01-01T10:00:00Z')
fs.chmodSync(root, 0o755)
writeOldFile(path.join(root, 'clip.mp4'), large, modified)
writeOldFile(path.join(root, 'empty.txt'), Buffer.alloc(0), modified)
writeOldFile(path.join(root, 'table.bin'), bytes, representation.lastModified)
const text = Buffer.from('A line that compresses well.\n'.repeat(1000))
writeOldFile(path.join(root, 'lines.txt'), text, modified)
const start = frameworks.find(([name]) => name === 'Express 5')![1]

const engines = [
  ['nginx', 'nginx', 'start-nginx-origin.sh'],
  ['Apache', 'apache2', 'start-apache-origin.sh'],
] as const
for (const [title, command, script] of engines) {
  describeWith(command, title, () => {
    let engine: Engine
    let proxy: FaultProxy
    const running: Sent[] = []
    beforeAll(async () => {
      engine = await startEngine(script, root)
      proxy = await startFaultProxy(engine.port)
    })
    afterAll(async () => {
      await proxy?.close()
      await Promise.all(running.map((each) => each.close()))
      await engine?.close()
    })
    const url = (name: string) => `http://127.0.0.1:${proxy.port}/${name}`

    /** A server of range-serve in front of the origin. */
    async function front(name: string): Promise<number> {
      const sent = await start(() => fromHttp(url(name)))
      running.push(sent)
      return sent.port
    }
    const range = (value: string) => ({ headers: [['Range', `bytes=${value}`]] as const })

    it('is read by range, suffix and several ranges', async () => {
      const port = await front('clip.mp4')
      proxy.takeRanges()
      const [one, suffix, several, beyond] = await exchange(
        port,
        ['1000000-1999999', '-7', '0-9,3000000-3000009', '5000000-'].map(range),
      )
      expect(one).toMatchObject({ status: 206 })
      expect(field(one!, 'Content-Type')).toBe('video/mp4')
      expect(field(one!, 'ETag')).toMatch(/^"/)
      expect(one!.content.equals(large.subarray(1_000_000, 2_000_000))).toBe(true)
      expect(suffix!.content.equals(large.subarray(-7))).toBe(true)
      expect(several!.status).toBe(206)
      expect(beyond).toMatchObject({ status: 416 })
      expect(field(beyond!, 'Content-Range')).toBe('bytes */5000000')
      const asked = proxy
        .takeRanges()
        .filter((value) => value !== undefined && value !== 'bytes=0-0') as string[]
      expect(asked.toSorted()).toEqual([
        'bytes=0-9',
        'bytes=1000000-1999999',
        'bytes=3000000-3000009',
        'bytes=4999993-4999999',
      ])
    })

    it('is resumed after a cut and a stall', async () => {
      const source = await fromHttp(url('clip.mp4'), { idleTimeout: 150 })
      proxy.faults.push({ cut: 1_000_000 }, { stall: 1_500_000 })
      proxy.takeRanges()
      const { content, error } = await readAll(source, 0, large.length - 1)
      expect(error).toBeUndefined()
      expect(content.equals(large)).toBe(true)
      expect(proxy.takeRanges().length).toBe(3)
    })

    it('is served anew if it is replaced before the head, and cut off after it', async () => {
      const name = 'replaced.bin'
      const file = path.join(root, name)
      const replaced = Buffer.alloc(4_000_000, 'b')
      const replace = () => writeOldFile(file, replaced, new Date('2025-01-02T10:00:00Z'))
      writeOldFile(file, large, modified)
      const port = await front(name)
      // The probe sees the first version, the read the second.
      proxy.faults.push({ meanwhile: replace })
      const anew = await ask(port, range('0-9'))
      expect(anew.status).toBe(206)
      expect(field(anew, 'Content-Range')).toBe('bytes 0-9/4000000')
      expect(anew.content.equals(replaced.subarray(0, 10))).toBe(true)
      writeOldFile(file, large, modified)
      proxy.faults.push(undefined, { cut: 1_000_000, meanwhile: replace })
      await expect(ask(port, {})).rejects.toThrow(/ended before/)
      expect(running.at(-1)!.errors).toEqual([])
    })

    it('serves empty content, reports missing content, and requests no encoding', async () => {
      const empty = await ask(await front('empty.txt'), range('0-9'))
      expect(empty).toMatchObject({ status: 200 })
      expect(field(empty, 'Accept-Ranges')).toBe('bytes')
      expect(await ask(await front('missing.txt'), {})).toMatchObject({ status: 404 })
      const encoded = await fromHttp(url('gz/lines.txt'))
      expect(encoded.length).toBe(text.length)
      const { content } = await readAll(encoded, 0, text.length - 1)
      expect(content.equals(text)).toBe(true)
    })

    it('is read through a redirect, unless that is an error', async () => {
      // Straight from the origin, whose redirects name it.
      const moved = `http://127.0.0.1:${engine.port}/moved/clip.mp4`
      expect((await fromHttp(moved)).length).toBe(large.length)
      await expect(fromHttp(moved, { redirect: 'error' })).rejects.toMatchObject({
        code: 'ERR_UPSTREAM',
      })
    })

    const own = {
      nginx: () => {
        it('is read if it has no tags, refuses HEAD, or has no ranges', async () => {
          for (const folder of ['noetag', 'nohead']) {
            const source = await fromHttp(url(`${folder}/clip.mp4`))
            proxy.faults.push({ cut: 100 })
            const { content, error } = await readAll(source, 10, 9999)
            expect(error).toBeUndefined()
            expect(content.equals(large.subarray(10, 10_000))).toBe(true)
          }
          const whole = await ask(await front('norange/clip.mp4'), range('0-9'))
          expect(whole.status).toBe(200)
          expect(field(whole, 'Accept-Ranges')).toBe('none')
          expect(whole.content.equals(large)).toBe(true)
        })
      },
      Apache: () => {
        it('is read even if its tag is weak, since the file is young', async () => {
          const file = path.join(root, 'young.bin')
          fs.writeFileSync(file, large)
          const source = await fromHttp(url('young.bin'))
          expect(source.etag).toMatch(/^(W\/)?"/)
          const { error } = await readAll(source, 5, 99)
          expect(error).toBeUndefined()
        })
      },
    }
    own[title]()

    describe('and the table of requirements', () => {
      let table: Awaited<ReturnType<typeof startRequirementsServer>>
      beforeAll(async () => {
        table = await startRequirementsServer(() => fromHttp(url('table.bin')))
      })
      afterAll(() => table?.close())

      it.each(requirements.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
        const [response] = await exchange(table.port, [each.request])
        check(response!, each.expect, { ascending: false })
      })
    })

    it('has no response under way in the end', () =>
      until('all are over', () => proxy.underWay === 0))
  })
}
