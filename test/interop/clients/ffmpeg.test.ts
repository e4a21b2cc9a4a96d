// ffmpeg and ffprobe, which read a file over HTTP as if it were on a disk.

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { temporaryFolder } from '../../support/fixture.ts'
import { newest, type Sent } from '../../support/frameworks.ts'
import { line, makeMedia, secondOf, seconds, width } from '../../support/media.ts'
import {
  bytesPassed,
  contentRange,
  misplaced,
  record,
  type Recorder,
} from '../../support/recorder.ts'
import { run } from '../../support/run.ts'

const folder = temporaryFolder()
const picture = '-frames:v 1 -f rawvideo -pix_fmt gray -'
const sound = '-t 0.1 -f s16le -'

/**
 * What is decoded of each; whether it has an index at its end and is seekable; and the largest
 * share of it that is sent for a position near the end. Kernels buffer some megabytes of each
 * response that is not read, and the length of an MP3 is found by reading it.
 */
const clips = [
  { name: 'clip.mp4', decode: picture, hasIndex: true, isSought: true, share: 0.75 },
  { name: 'clip.webm', decode: picture, hasIndex: true, isSought: true },
  { name: 'noise.wav', decode: sound, hasIndex: false, isSought: true, share: 0.75 },
  { name: 'noise.mp3', decode: sound, hasIndex: false, isSought: false },
]

describeWith('ffmpeg', 'ffmpeg', (ffmpeg) => {
  const ffprobe = path.join(path.dirname(ffmpeg), 'ffprobe')
  beforeAll(() => makeMedia(ffmpeg, folder), 60_000)

  describe.each(newest)('and %s', (_name, start) => {
    let running: Sent
    let recorder: Recorder
    afterEach(() => Promise.all([recorder.close(), running.close()]))

    async function serveClip(name: string) {
      const file = path.join(folder, name)
      running = await start(() => file)
      recorder = await record(running.port)
      return {
        file,
        bytes: fs.readFileSync(file),
        url: `http://127.0.0.1:${recorder.port}/${name}`,
      }
    }

    it.each(clips)('ffprobe reads the duration of $name', async ({ name }) => {
      const { bytes, url } = await serveClip(name)
      const entries = '-v error -show_entries format=duration -of csv=p=0'.split(' ')
      const { code, stdout } = await run(ffprobe, [...entries, url])
      expect(code).toBe(0)
      expect(Math.abs(Number(stdout) - seconds)).toBeLessThan(0.2)
      expect(misplaced(recorder.exchanges, bytes)).toEqual([])
    })

    it.each(clips)(
      'ffmpeg seeks in $name',
      async ({ name, decode, hasIndex, isSought, share = Infinity }) => {
        const { file, bytes, url } = await serveClip(name)
        const decoded = (input: string) =>
          run(ffmpeg, ['-v', 'error', '-ss', '45.5', '-i', input, ...decode.split(' ')])
        const { code, stdout } = await decoded(url)
        expect(code).toBe(0)
        if (decode === picture) expect(secondOf(stdout.subarray(line * width))).toBe(45)
        expect(stdout.equals((await decoded(file)).stdout)).toBe(true)

        const { exchanges } = recorder
        expect(exchanges.every(({ status }) => status === 206)).toBe(true)
        expect(misplaced(exchanges, bytes)).toEqual([])
        const places = exchanges.map(({ fields }) => contentRange(fields).firstPos / bytes.length)
        expect(places[0]).toBe(0)
        if (hasIndex) expect(Math.max(...places)).toBeGreaterThan(0.99)
        if (isSought) expect(places.at(-1)).toBeGreaterThan(0.9)
        expect(bytesPassed(exchanges)).toBeLessThan(share * bytes.length)
      },
    )
  })
})
