// ffmpeg writes a recording, and curl follows it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fromGrowing, serve } from '@range-serve/core'
import { expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { temporaryFolder, until } from '../../support/fixture.ts'
import { listen } from '../../support/listen.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const recording = path.join(folder, 'live.ts')

describeWith('ffmpeg', 'ffmpeg, followed', (ffmpeg) => {
  describeWith('curl', 'by curl', (curl) => {
    it('gets the recording as it is written, and its end', async () => {
      const input = '-v error -re -f lavfi -i testsrc=s=320x240:d=1.5 -c:v mpeg2video -b:v 4M'
      const output = ['-flush_packets', '1', '-f', 'mpegts', '-y', recording]
      const writer = spawn(ffmpeg, [...input.split(' '), ...output], { stdio: 'ignore' })
      const ended = once(writer, 'exit')
      const lengths: number[] = []
      const running = await listen(
        http.createServer((request, response) => {
          lengths.push(fs.statSync(recording).size)
          void serve(request, response, fromGrowing(recording, { until: ended }))
        }),
      )
      try {
        const size = () => fs.statSync(recording, { throwIfNoEntry: false })?.size ?? 0
        await until('there is something to send', () => size() > 10_000)
        const follow = (name: string, ...args: string[]) => {
          const target = path.join(folder, name)
          const options = [
            '-sS',
            '--fail',
            '--max-time',
            '20',
            '-o',
            target,
            '-D',
            `${target}.head`,
          ]
          return run(curl, [...options, ...args, `http://127.0.0.1:${running.port}/`])
        }
        const results = await Promise.all([
          follow('whole.ts'),
          follow('rest.ts', '-r', '5000-9007199254740991'),
        ])
        expect(results.map(({ code }) => code)).toEqual([0, 0])
        const bytes = fs.readFileSync(recording)
        // Both began while it was written.
        for (const length of lengths) expect(length).toBeLessThan(bytes.length)
        expect(fs.readFileSync(path.join(folder, 'whole.ts')).equals(bytes)).toBe(true)
        const rest = fs.readFileSync(path.join(folder, 'rest.ts'))
        expect(rest.equals(bytes.subarray(5000))).toBe(true)
        const head = fs.readFileSync(path.join(folder, 'rest.ts.head'), 'latin1')
        expect(head).toMatch(/^HTTP\/1\.1 206/)
        expect(head).toMatch(/^content-range: bytes 5000-9007199254740991\/\*\r$/im)
        // It is complete now: a file as any other.
        const after = await follow('after.ts', '-r', '0-9')
        expect(after.code).toBe(0)
        const { size: length } = fs.statSync(recording)
        const headAfter = fs.readFileSync(path.join(folder, 'after.ts.head'), 'latin1')
        expect(headAfter).toContain(`bytes 0-9/${length}`)
      } finally {
        writer.kill()
        await running.close()
      }
    })
  })
})
