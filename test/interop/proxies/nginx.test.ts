// nginx in front: it caches slices of a file, and requests each by its range.

import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { newest, type Sent } from '../../support/frameworks.ts'
import { type Front, startFront } from '../../support/front.ts'
import { misplaced, record, type Recorder } from '../../support/recorder.ts'

const folder = temporaryFolder()
const modified = new Date('2025-01-01T10:00:00Z')
const MiB = 1024 * 1024
const bytes = pattern(3 * MiB + 54_321)

const configuration = (own: string, port: number) => `
daemon off;
master_process off;
pid ${own}/pid;
error_log ${own}/errors;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${own}/temporary;
  proxy_temp_path ${own}/temporary;
  fastcgi_temp_path ${own}/temporary;
  uwsgi_temp_path ${own}/temporary;
  scgi_temp_path ${own}/temporary;
  proxy_cache_path ${own}/cache keys_zone=slices:1m;
  proxy_http_version 1.1;
  server {
    listen unix:${own}/socket;
    location / {
      slice 1m;
      proxy_cache slices;
      proxy_cache_key $uri$slice_range;
      proxy_cache_valid 200 206 1h;
      proxy_cache_lock on;
      proxy_set_header Range $slice_range;
      add_header X-Cache $upstream_cache_status;
      proxy_pass http://127.0.0.1:${port};
    }
    location /uncached { proxy_pass http://127.0.0.1:${port}; }
  }
}`

const ranges: [range: string | undefined, firstPos: number, lastPos: number][] = [
  ['bytes=0-99', 0, 99],
  [`bytes=${MiB - 1}-${MiB}`, MiB - 1, MiB],
  [`bytes=${MiB}-${3 * MiB - 1}`, MiB, 3 * MiB - 1],
  ['bytes=3000000-', 3_000_000, bytes.length - 1],
  ['bytes=-100', bytes.length - 100, bytes.length - 1],
  [undefined, 0, bytes.length - 1],
]

describeWith('nginx', 'nginx', (nginx) => {
  describe.each(newest)('in front of %s', (name, start) => {
    let running: Sent
    let recorder: Recorder
    let front: Front
    afterEach(async () => {
      await front.close()
      await recorder.close()
      await running.close()
    })

    async function begin(what: string): Promise<string> {
      const own = path.join(folder, `${name}-${what}`.replace(' ', '-'))
      const filePath = path.join(own, 'file')
      fs.mkdirSync(own)
      writeOldFile(filePath, bytes, modified)
      running = await start(() => filePath)
      recorder = await record(running.port)
      fs.writeFileSync(path.join(own, 'conf'), configuration(own, recorder.port))
      front = await startFront(nginx, ['-p', own, '-c', `${own}/conf`], path.join(own, 'socket'))
      return filePath
    }

    const slices = Array.from({ length: 4 }, (_, i) => `bytes=${i * MiB}-${(i + 1) * MiB - 1}`)
    const asIs = ranges.map(([range]) => range)
    it.each([
      ['/cached', 'each slice once', slices],
      ['/uncached', 'the range of the client', [...asIs, ...asIs]],
    ])('serves ranges of %s, and requests %s', async (url, _what, expected) => {
      await begin(path.basename(url))
      for (let i = 0; i < 2; i++) {
        for (const [range, firstPos, lastPos] of ranges) {
          const response = await front.get(url, range === undefined ? {} : { Range: range })
          expect(response.status).toBe(range === undefined ? 200 : 206)
          expect(response.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
          const claimed = `bytes ${firstPos}-${lastPos}/${bytes.length}`
          if (range !== undefined) expect(response.fields['content-range']).toBe(claimed)
          if (i === 1 && url === '/cached') expect(response.fields['x-cache']).toBe('HIT')
        }
      }
      expect(recorder.exchanges.map(({ asked }) => asked.get('range'))).toEqual(expected)
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })

    it.each(['/cached', '/uncached'])(
      'reports the length of %s to a range beyond it',
      async (url) => {
        await begin(`${path.basename(url)}-beyond`)
        const { status, fields } = await front.get(url, { Range: 'bytes=9000000-' })
        expect(status).toBe(416)
        expect(fields['content-range']).toBe(`bytes */${bytes.length}`)
      },
    )

    it('serves a file that was just written from early and late slices', async () => {
      const filePath = await begin('young')
      fs.writeFileSync(filePath, bytes)
      const etags = new Set<string | undefined>()
      const get = async (firstPos: number, lastPos: number) => {
        const part = await front.get('/cached', { Range: `bytes=${firstPos}-${lastPos}` })
        expect(part.isComplete).toBe(true)
        expect(part.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
        etags.add(part.fields.etag)
      }
      await get(0, 99)
      // A tag that changes between two slices makes nginx cut the connection until both expire.
      await sleep(2100)
      await get(MiB - 100, bytes.length - 1)
      const whole = await front.get('/cached')
      expect(whole.isComplete).toBe(true)
      expect(whole.content.equals(bytes)).toBe(true)
      expect([...etags, whole.fields.etag].every((etag) => etag === whole.fields.etag)).toBe(true)
      expect(whole.fields.etag).toMatch(/^"/)
    })

    it('never combines two files', async () => {
      const filePath = await begin('replaced')
      const head = await front.get('/file', { Range: `bytes=0-${MiB}` })
      expect(head.content.equals(bytes.subarray(0, MiB + 1))).toBe(true)
      writeOldFile(`${filePath}~`, Buffer.alloc(bytes.length, 'B'), new Date(+modified + 1000))
      fs.renameSync(`${filePath}~`, filePath)
      // It has two slices of the first file, and stops at the third, which has another ETag.
      const broken = await front.get('/file')
      expect(broken.isComplete).toBe(false)
      expect(broken.content.equals(bytes.subarray(0, broken.content.length))).toBe(true)
      expect(fs.readFileSync(path.join(path.dirname(filePath), 'errors'), 'utf8')).toContain(
        'etag mismatch in slice response',
      )
      const afresh = await front.get('/file-afresh')
      expect(afresh.isComplete).toBe(true)
      expect(afresh.content.equals(Buffer.alloc(bytes.length, 'B'))).toBe(true)
    })
  })
})
