// Varnish in front: it caches a full file and serves ranges of it, or passes them on.

import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../../support/fixture.ts'
import { newest, type Sent } from '../../support/frameworks.ts'
import { type Front, startFront } from '../../support/front.ts'
import { misplaced, record, type Recorder } from '../../support/recorder.ts'

const folder = temporaryFolder()
const bytes = pattern(3_000_000)
const filePath = path.join(folder, 'file')
writeOldFile(filePath, bytes, new Date('2025-01-01T10:00:00Z'))

const configuration = (port: number) => `
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${port}"; }
sub vcl_recv { if (req.url ~ "^/passed") { return (pass); } }
sub vcl_backend_response { set beresp.ttl = 1h; }
`

const ranges: [range: string, firstPos: number, lastPos: number][] = [
  ['0-99', 0, 99],
  ['1000000-1999999', 1_000_000, 1_999_999],
  ['2500000-', 2_500_000, 2_999_999],
  ['-100', 2_999_900, 2_999_999],
]

describeWith('varnishd', 'Varnish', (varnishd) => {
  describe.each(newest)('in front of %s', (name, start) => {
    let running: Sent
    let recorder: Recorder
    let front: Front
    beforeAll(async () => {
      running = await start(() => filePath)
      recorder = await record(running.port)
      const own = path.join(folder, name.replace(' ', '-'))
      fs.mkdirSync(own)
      fs.writeFileSync(`${own}/vcl`, configuration(recorder.port))
      const options = `-F -j none -n ${own} -f ${own}/vcl -a ${own}/socket -s malloc,32m -i test`
      front = await startFront(varnishd, options.split(' '), `${own}/socket`)
    })
    afterAll(async () => {
      await front?.close()
      await recorder.close()
      await running.close()
    })

    const passed = [...ranges.map(([range]) => [206, `bytes=${range}`]), [200, undefined]]
    it.each([
      ['/cached', 'the full response once', [[200, undefined]]],
      ['/passed', 'what was requested', passed],
    ])('serves ranges of %s, and requests %s', async (url, _what, expected) => {
      for (const [range, firstPos, lastPos] of ranges) {
        const response = await front.get(url, { Range: `bytes=${range}` })
        expect(response.status).toBe(206)
        const claimed = `bytes ${firstPos}-${lastPos}/${bytes.length}`
        expect(response.fields['content-range']).toBe(claimed)
        expect(response.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
      }
      const whole = await front.get(url)
      expect(whole.status).toBe(200)
      expect(whole.content.equals(bytes)).toBe(true)
      const exchanges = recorder.exchanges.filter((each) => each.path === url)
      expect(exchanges.map(({ status, asked }) => [status, asked.get('range')])).toEqual(expected)
      expect(misplaced(exchanges, bytes)).toEqual([])
    })

    it.each(['/cached', '/passed'])(
      'reports the length of %s to a range beyond it',
      async (url) => {
        const { status, fields } = await front.get(url, { Range: 'bytes=3000000-' })
        expect(status).toBe(416)
        expect(fields['content-range']).toBe('bytes */3000000')
      },
    )
  })
})
