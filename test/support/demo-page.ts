// What a visitor does on the page of the demo, and what the page shows.

import type { Page } from 'playwright-core'
import { type Demo, root, type Ended } from './demo.ts'

export interface Segment {
  readonly id: number
  readonly status: number
  readonly first: number
  readonly last: number
  readonly sent: number
  readonly state: string
}

export async function choose(page: Page, demo: Demo, name: string): Promise<void> {
  await page.goto('about:blank')
  await page.goto(`${demo.url}#${name}`)
  await page.waitForSelector(`#files [data-name="${name}"][aria-current]`)
  await loaded(page)
}

export async function loaded(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const player = document.querySelector<HTMLMediaElement>('#player')
    return player !== null && player.readyState >= player.HAVE_CURRENT_DATA
  })
}

export async function seekAndCheck(page: Page, share: number): Promise<void> {
  await page.$eval(
    'video',
    (video, to) => {
      video.currentTime = to * video.duration
    },
    share,
  )
  await shown(page, share)
}

/**
 * Waits until the picture of the requested position is shown, which has the time in it. A browser may
 * be there, and have the frame, before it can be drawn.
 */
export async function shown(page: Page, share: number): Promise<void> {
  await page.waitForFunction((to) => {
    const video = document.querySelector('video')!
    const there = Math.abs(video.currentTime - to * video.duration) < 0.5
    if (!there || video.seeking || video.readyState < video.HAVE_CURRENT_DATA) return false
    const canvas = document.createElement('canvas')
    canvas.width = 960
    canvas.height = 540
    const context = canvas.getContext('2d')!
    context.drawImage(video, 0, 0, 960, 540)
    // Eight squares, 32 by 32, from (40, 32) and every 40: the second in binary, white for 1.
    const bits = Array.from({ length: 8 }, (_, i) => {
      const [red = 0] = context.getImageData(40 + 40 * i + 16, 48, 1, 1).data
      return red > 128 ? 1 : 0
    })
    return Number.parseInt(bits.join(''), 2) === Math.floor(video.currentTime)
  }, share)
}

/** Waits until nothing is under way. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector('#log tr') !== null &&
      document.querySelector('#log tr[data-state="sending"]') === null,
  )
}

export async function segmentsOf(page: Page): Promise<Segment[]> {
  const segments = await page.$$eval('#strip .segment', (elements) =>
    elements.map((element) => {
      const { id, status, first, last, sent, state } = (element as HTMLElement).dataset
      return {
        id: Number(id),
        status: Number(status),
        first: Number(first),
        last: Number(last),
        sent: Number(sent),
        state: state!,
      }
    }),
  )
  return segments.toSorted(byPlace)
}

export function asSegments({ id, status, ranges, bytesSent, aborted }: Ended): Segment[] {
  const state = aborted ? 'aborted' : 'complete'
  return ranges.map(({ firstPos, lastPos }) => ({
    id,
    status,
    first: firstPos,
    last: lastPos,
    sent: bytesSent,
    state,
  }))
}

export function byPlace(a: Segment, b: Segment): number {
  return a.id - b.id || a.first - b.first
}

export function artifact(name: string): string {
  return `${root}/test/.artifacts/demo-${name.toLowerCase()}.png`
}
