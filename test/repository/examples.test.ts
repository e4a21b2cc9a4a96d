// Every example starts, and responds as it says.

import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Example, examples, startExample } from '../support/example.ts'
import { ask, field } from '../support/raw.ts'

const media = (name: string) => readFileSync(`${examples}media-server/media/${name}`)

describe('examples', () => {
  let example: Example | undefined
  afterEach(() => example?.stop())

  async function start(name: string): Promise<number> {
    example = await startExample(name)
    return example.port
  }

  const cases: [example: string, path: string, type: string, content: () => Buffer | undefined][] =
    [
      ['node-http.mjs', '/', 'video/webm', () => media('dive.webm')],
      ['koa-video.mjs', '/clip.mp4', 'video/mp4', () => media('dive.mp4')],
      ['koa-video.mjs', '/stream.mp4', 'video/mp4', () => media('dive.mp4')],
      ['express-object-store.mjs', '/clip.mp4', 'video/mp4', () => media('dive.mp4')],
      ['express-download.mjs', '/report.csv', 'text/csv; charset=utf-8', () => undefined],
    ]
  it.each(cases)('%s responds with a range of %s', async (example, path, type, content) => {
    const port = await start(example)
    const whole = content() ?? (await ask(port, { path })).content
    const range = await ask(port, { path, headers: [['Range', 'bytes=1000-1999']] })
    expect(range.status).toBe(206)
    expect(field(range, 'Content-Type')).toBe(type)
    expect(field(range, 'Content-Range')).toBe(`bytes 1000-1999/${whole.length}`)
    expect(range.content.equals(whole.subarray(1000, 2000))).toBe(true)
  })

  it('metrics.mjs exposes counters and histograms, and counts a view once', async () => {
    const port = await start('metrics.mjs')
    const size = media('dive.mp4').length
    const get = (range: string) =>
      ask(port, { path: '/dive.mp4', headers: [['Range', `bytes=${range}`]] })
    const half = Math.floor(size / 2)
    await get(`0-${half}`)
    const lines = async () => String((await ask(port, { path: '/metrics' })).content).split('\n')
    expect(await lines()).toContain('range_serve_views_total 0')
    for (const range of [`${half}-`, '0-', '-1000']) await get(range)
    const labels = 'http_request_method="GET",url_scheme="http",http_response_status_code="206"'
    // The last response may be over for the client a moment before it is for the server.
    await expect
      .poll(lines)
      .toEqual(
        expect.arrayContaining([
          'http_server_active_requests{http_request_method="GET",url_scheme="http"} 0',
          `http_server_request_duration_seconds_count{${labels}} 4`,
          `http_server_response_body_size_bytes_sum{${labels}} ${half + 1 + (size - half) + size + 1000}`,
          'range_serve_first_byte_seconds_count 4',
          'range_serve_views_total 1',
        ]),
      )
  })

  it('express-download.mjs lets a download resume', async () => {
    const port = await start('express-download.mjs')
    const first = await ask(port, { path: '/report.csv', headers: [['Range', 'bytes=0-99']] })
    const etag = field(first, 'ETag')!
    expect(etag).toMatch(/^"/)
    const rest = await ask(port, {
      path: '/report.csv',
      headers: [
        ['Range', 'bytes=100-'],
        ['If-Range', etag],
      ],
    })
    expect(rest.status).toBe(206)
    expect(field(rest, 'Content-Disposition')).toMatch(/^attachment; filename=/)
    expect(first.content.length + rest.content.length).toBe(
      Number(field(rest, 'Content-Range')!.split('/')[1]),
    )
  })
})
