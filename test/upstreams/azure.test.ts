// fromHttp over Azure's blobs by a shared access signature: a store without suffix ranges.

import { createHmac } from 'node:crypto'
import { fromHttp } from '@range-serve/http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../support/available.ts'
import { type Engine, startEngine } from '../support/engine.ts'
import { pattern } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { readAll } from '../support/origin.ts'
import { exchange, field } from '../support/raw.ts'

const bytes = pattern(3_000_000)
const start = frameworks.find(([name]) => name === 'Koa 3')![1]

/** Signs for all containers and blobs of the account. */
function sign({ accessKeyId, secretAccessKey }: Engine): string {
  const fields = { sv: '2018-11-09', ss: 'b', srt: 'co', sp: 'rwdc', se: '2099-01-01T00:00:00Z' }
  const { sv, ss, srt, sp, se } = fields
  const text = [accessKeyId, sp, ss, srt, '', se, '', '', sv, ''].join('\n')
  const key = Buffer.from(secretAccessKey, 'base64')
  const sig = createHmac('sha256', key).update(text, 'utf8').digest('base64')
  return String(new URLSearchParams({ ...fields, sig }))
}

function azurite(): void {
  let engine: Engine
  let front: Sent
  const url = (name: string) => `${engine.endpoint}/media/${name}?${sign(engine)}`
  const send = async (
    target: string,
    body?: Buffer<ArrayBuffer>,
    more: Record<string, string> = {},
  ) => {
    const headers = { 'x-ms-version': '2018-11-09', 'x-ms-blob-type': 'BlockBlob', ...more }
    const response = await fetch(target, { method: 'PUT', headers, ...(body && { body }) })
    await response.body?.cancel()
    expect(response.ok).toBe(true)
  }
  const put = (name: string, body: Buffer) =>
    send(url(name), Buffer.from(body), { 'Content-Type': 'video/mp4' })
  beforeAll(async () => {
    engine = await startEngine('start-azurite.sh')
    await send(`${engine.endpoint}/media?restype=container&${sign(engine)}`)
    await put('clip.mp4', bytes)
    front = await start(() => fromHttp(() => url('clip.mp4')))
  })
  afterAll(async () => {
    await front?.close()
    await engine?.close()
  })

  it('is read by range, suffix and several ranges', async () => {
    const ranges = ['1000000-1999999', '-7', '0-9,2500000-2500009', '3000000-']
    const [one, suffix, several, beyond] = await exchange(
      front.port,
      ranges.map((value) => ({ headers: [['Range', `bytes=${value}`]] as const })),
    )
    expect(one!.status).toBe(206)
    expect(field(one!, 'Content-Type')).toBe('video/mp4')
    expect(field(one!, 'ETag')).toMatch(/^"0x/)
    expect(one!.content.equals(bytes.subarray(1_000_000, 2_000_000))).toBe(true)
    expect(suffix!.content.equals(bytes.subarray(-7))).toBe(true)
    expect([several!.status, beyond!.status]).toEqual([206, 416])
    expect(field(beyond!, 'Content-Range')).toBe('bytes */3000000')
  })

  it('is found changed if it is written again, even with the same bytes', async () => {
    await put('replaced.mp4', bytes)
    const source = await fromHttp(url('replaced.mp4'))
    await put('replaced.mp4', bytes)
    expect((await readAll(source, 0, 9)).error).toMatchObject({ code: 'ERR_SOURCE_CHANGED' })
    expect((await readAll(await source.reopen!(), 0, 9)).error).toBeUndefined()
  })

  it('can be empty, missing, and refused', async () => {
    await put('empty.mp4', Buffer.alloc(0))
    expect(await fromHttp(url('empty.mp4'))).toMatchObject({ length: 0 })
    await expect(fromHttp(url('missing.mp4'))).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    const refused = fromHttp(url('clip.mp4').replace('sig=', 'sig=A'))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_UPSTREAM_FORBIDDEN', status: 502 })
  })
}
describeWith('azurite-blob', 'Azurite', azurite, { isOptional: true })
