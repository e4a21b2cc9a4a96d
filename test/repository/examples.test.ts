// Every example starts, and responds as it documents.

import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../support/available.ts'
import { type Engine, startEngine } from '../support/engine.ts'
import { type Example, examples, startExample } from '../support/example.ts'
import { ask, field } from '../support/raw.ts'
import { connect } from '../support/s3.ts'

const media = (name: string) => readFileSync(`${examples}media-server/media/${name}`)

describe('examples', () => {
  let example: Example | undefined
  afterEach(() => example?.stop())

  async function start(name: string, env: Record<string, string> = {}): Promise<number> {
    example = await startExample(name, [process.execPath], env)
    return example.port
  }

  const cases: [example: string, path: string, type: string, content: () => Buffer | undefined][] =
    [
      ['node-http.mjs', '/', 'video/webm', () => media('dive.webm')],
      ['koa-video.mjs', '/clip.mp4', 'video/mp4', () => media('dive.mp4')],
      ['koa-video.mjs', '/stream.mp4', 'video/mp4', () => media('dive.mp4')],
      ['express-object-store.mjs', '/clip.mp4', 'video/mp4', () => media('dive.mp4')],
      ['koa-http-proxy.mjs', '/dive.webm', 'video/webm', () => media('dive.webm')],
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

  it('koa-http-proxy.mjs lets pages of other origins read, and stays below its origin', async () => {
    const port = await start('koa-http-proxy.mjs')
    const headers = [['Range', 'bytes=0-9,1000-1009']] as const
    const several = await ask(port, { path: '/dive.mp4', headers })
    expect(several.status).toBe(206)
    expect(field(several, 'Access-Control-Allow-Origin')).toBe('*')
    const preflight = await ask(port, { path: '/dive.mp4', method: 'OPTIONS' })
    expect(field(preflight, 'Access-Control-Allow-Headers')).toContain('Range')
    for (const path of ['//127.0.0.1:1/dive.mp4', '/..%2f..%2fpackage.json', '/missing.mp4']) {
      expect((await ask(port, { path })).status, path).toBe(404)
    }
  })

  describeWith('python3-swift', 'in front of a store', () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await startEngine('start-swift.sh')
      const client = connect(engine)
      await client.createBucket({ Bucket: 'media' })
      const Body = media('dive.mp4')
      await client.putObject({ Bucket: 'media', Key: 'a/clip.mp4', Body, ContentType: 'video/mp4' })
      client.destroy()
    })
    afterAll(() => engine?.close())

    it('express-s3-video.mjs responds with a range of an object', async () => {
      const port = await start('express-s3-video.mjs', {
        ENDPOINT: engine.endpoint,
        AWS_REGION: engine.region,
        AWS_ACCESS_KEY_ID: engine.accessKeyId,
        AWS_SECRET_ACCESS_KEY: engine.secretAccessKey,
      })
      const path = '/videos/a/clip.mp4'
      const range = await ask(port, { path, headers: [['Range', 'bytes=1000-1999']] })
      expect(range.status).toBe(206)
      expect(field(range, 'Content-Type')).toBe('video/mp4')
      expect(range.content.equals(media('dive.mp4').subarray(1000, 2000))).toBe(true)
      expect((await ask(port, { path: '/videos/missing.mp4' })).status).toBe(404)
    })
  })

  describeWith('postgresql', 'in front of a database', () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await startEngine('start-postgres.sh')
    })
    afterAll(() => engine?.close())

    it('postgres-chunks.mjs stores files, and responds with ranges of them', async () => {
      const port = await start('postgres-chunks.mjs', { DATABASE_URL: engine.connectionString })
      const url = `http://127.0.0.1:${port}/files/clip.mp4`
      const put = async (body: Uint8Array<ArrayBuffer>) => {
        const headers = { 'Content-Type': 'video/mp4' }
        expect((await fetch(url, { method: 'PUT', body, headers })).status).toBe(204)
      }
      expect((await fetch(url)).status).toBe(404)
      const clip = Uint8Array.from(media('dive.mp4'))
      await put(clip)
      const read = async (range: string, ifRange?: string) => {
        const headers = { Range: `bytes=${range}`, ...(ifRange && { 'If-Range': ifRange }) }
        const response = await fetch(url, { headers })
        return { response, content: Buffer.from(await response.arrayBuffer()) }
      }
      for (const [firstPos, lastPos] of [
        [0, 0],
        [262_143, 262_144],
        [1000, 1_999_999],
        [0, clip.length - 1],
      ] as const) {
        // prettier-ignore
        const { response, content } = await read(`${firstPos}-${lastPos}`)
        expect(response.status).toBe(206)
        expect(content.equals(clip.subarray(firstPos, lastPos + 1))).toBe(true)
      }
      const { response } = await read('0-9')
      const etag = response.headers.get('etag')!
      await put(clip.subarray(0, 500_000))
      const anew = await read('10-19', etag)
      expect(anew.response.status).toBe(200)
      expect(anew.content.equals(clip.subarray(0, 500_000))).toBe(true)
    })
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
