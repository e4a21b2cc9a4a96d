// <video> and <audio>, with seeks back and forth.

import fs from 'node:fs'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../support/available.ts'
import { launch } from '../../support/browser.ts'
import { temporaryFolder } from '../../support/fixture.ts'
import { folders } from '../../support/frameworks.ts'
import type { Running } from '../../support/listen.ts'
import { line, makeMedia, secondOf, seconds } from '../../support/media.ts'
import { misplaced, record, type Recorder } from '../../support/recorder.ts'

const folder = temporaryFolder()
fs.writeFileSync(path.join(folder, 'page.html'), '<!doctype html><link rel="icon" href="data:,">')

const places = [40.5, 3.5, 30.5, 0.5]

describeWith('chromium', 'A browser', (chromium) => {
  describeWith('ffmpeg', 'with clips', (ffmpeg) => {
    let browser: Browser
    beforeAll(async () => {
      await makeMedia(ffmpeg, folder)
      browser = await launch(chromium)
    }, 60_000)
    afterAll(() => browser?.close())

    describe.each(folders)('from %s', (_name, start) => {
      let running: Running
      let recorder: Recorder
      let page: Page
      beforeEach(async () => {
        running = await start(folder)
        recorder = await record(running.port)
        page = await browser.newPage()
      })
      afterEach(async () => {
        await page.close()
        await recorder.close()
        await running.close()
      })

      /**
       * Puts a player on the page, and returns the duration that it reports and how much is
       * seekable.
       */
      async function load(tag: 'video' | 'audio', name: string) {
        await page.goto(`http://127.0.0.1:${recorder.port}/page.html`)
        return page.evaluate(
          ([tag, name]) =>
            new Promise<{ duration: number; seekable: number }>((resolve, reject) => {
              const player = document.createElement(tag)
              player.muted = true
              player.addEventListener('loadeddata', () =>
                resolve({ duration: player.duration, seekable: player.seekable.end(0) }),
              )
              player.addEventListener('error', () => reject(new Error(player.error?.message)))
              player.src = name
              document.body.append(player)
            }),
          [tag, name] as const,
        )
      }

      /** Seeks, and returns the position afterwards. */
      const seek = (to: number) =>
        page.evaluate(
          (to) =>
            new Promise<number>((resolve) => {
              const player = document.querySelector<HTMLMediaElement>('video, audio')!
              player.addEventListener('seeked', () => resolve(player.currentTime), { once: true })
              player.currentTime = to
            }),
          to,
        )

      /**
       * The positions in a clip that were requested, as shares of it; fails if a response was not
       * what it claimed. The browser caches parts and revalidates them (304), and aborts some
       * requests before the response.
       */
      function placesIn(name: string): number[] {
        const bytes = fs.readFileSync(path.join(folder, name))
        const exchanges = recorder.exchanges.filter(({ path }) => path === `/${name}`)
        for (const { asked, status } of exchanges) {
          expect(asked.has('if-none-match') ? [206, 304, 0] : [206, 0]).toContain(status)
        }
        expect(misplaced(exchanges, bytes)).toEqual([])
        return exchanges.map(({ asked }) => {
          const [, firstPos] = /^bytes=(\d+)-/.exec(asked.get('range')!)!
          return Number(firstPos) / bytes.length
        })
      }

      it.each(['clip.mp4', 'clip.webm'])(
        'shows the picture at the requested time of %s',
        async (name) => {
          const { duration, seekable } = await load('video', name)
          expect(Math.abs(duration - seconds)).toBeLessThan(0.5)
          expect(seekable).toBe(duration)
          for (const to of places) {
            expect(await seek(to)).toBe(to)
            const readLine = () =>
              page.$eval(
                'video',
                (video, line) => {
                  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
                  const context = canvas.getContext('2d')!
                  context.drawImage(video, 0, 0)
                  const { data } = context.getImageData(0, line, canvas.width, 1)
                  return [...data].filter((_value, i) => i % 4 === 0)
                },
                line,
              )
            // A busy browser reports the end of a seek before it has the picture.
            await expect
              .poll(async () => secondOf(await readLine()), { timeout: 5000 })
              .toBe(Math.floor(to))
          }
          // The index at the end of an MP4. A fast connection may bring that of a WebM before it is
          // requested.
          const furthest = Math.max(...placesIn(name))
          if (name === 'clip.mp4') expect(furthest).toBeGreaterThan(0.95)
        },
      )

      it.each(['noise.wav', 'noise.mp3'])(
        'continues from the requested time of %s',
        async (name) => {
          const { duration, seekable } = await load('audio', name)
          expect(Math.abs(duration - seconds)).toBeLessThan(0.5)
          expect(seekable).toBe(duration)
          for (const to of places) {
            expect(await seek(to)).toBe(to)
            const reached = await page.$eval('audio', async (audio) => {
              const from = audio.currentTime
              await audio.play()
              while (audio.currentTime === from)
                await new Promise((resolve) => setTimeout(resolve, 5))
              audio.pause()
              return audio.currentTime
            })
            expect(reached).toBeGreaterThan(to)
          }
          const furthest = Math.max(...placesIn(name))
          // An MP3 is so small that all of it may have arrived before the seek.
          if (name === 'noise.wav') expect(furthest).toBeGreaterThan(0.8)
        },
      )
    })
  })
})
