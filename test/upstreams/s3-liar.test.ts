// fromS3 over s3rver, a store that ignores If-Match, counts suffixes wrong, and mixes versions.

import type { S3 } from '@aws-sdk/client-s3'
import { fromS3 } from '@range-serve/s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { check } from '../conformance/check.ts'
import { requirements } from '../conformance/requirements.ts'
import { bytes as small } from '../conformance/sources.ts'
import { type Engine, startEngine } from '../support/engine.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { pattern } from '../support/fixture.ts'
import type { Running } from '../support/listen.ts'
import { readAll } from '../support/origin.ts'
import { exchange } from '../support/raw.ts'
import { connect } from '../support/s3.ts'
import { startRequirementsServer } from './table.ts'

const bytes = pattern(1_000_000)
const Bucket = 'media'

describe('s3rver', () => {
  let engine: Engine
  let proxy: FaultProxy
  let client: S3
  let table: Running
  beforeAll(async () => {
    engine = await startEngine('start-s3rver.mjs')
    proxy = await startFaultProxy(engine.port)
    client = connect(engine, proxy.port)
    await client.createBucket({ Bucket })
    await client.putObject({ Bucket, Key: 'table.bin', Body: small })
    table = await startRequirementsServer(() => fromS3({ client, Bucket, Key: 'table.bin' }))
  })
  afterAll(async () => {
    await table?.close()
    client?.destroy()
    await proxy?.close()
    await engine?.close()
  })

  it.each(requirements.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
    const [response] = await exchange(table.port, [each.request])
    check(response!, each.expect, { ascending: false })
  })

  it('lies: it ignores If-Match, and responds to 0-0 with everything', async () => {
    const read = (Range: string) =>
      client.getObject({ Bucket, Key: 'table.bin', Range, IfMatch: '"other"' })
    const { Body } = await read('bytes=0-0')
    expect((await Body!.transformToByteArray()).length).toBe(small.length)
  })

  it('never sends a byte of another version', async () => {
    const replaced = { Bucket, Key: 'replaced.bin' }
    const first = await client.putObject({ ...replaced, Body: bytes })
    const source = await fromS3({ client, ...replaced })
    expect(source.etag).toBe(first.ETag)
    expect((await readAll(source, 0, 0)).content).toEqual(bytes.subarray(0, 1))
    const replace = () => client.putObject({ ...replaced, Body: Buffer.alloc(bytes.length, 'b') })
    proxy.faults.push({ cut: 300_000, meanwhile: replace })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toMatchObject({ code: 'ERR_SOURCE_CHANGED' })
    expect(content.equals(bytes.subarray(0, 300_000))).toBe(true)
    expect((await readAll(source, 0, 9)).content.length).toBe(0)
  })
})
