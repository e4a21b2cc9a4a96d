// fromS3 over OpenStack Swift, a store that keeps its promises, and fromHttp over its signed URLs. One
// file, since the store takes seconds to start.

import { GetObjectCommand, HeadObjectCommand, type S3, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { fromHttp } from '@range-serve/http'
import { fromS3 } from '@range-serve/s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { check } from '../conformance/check.ts'
import { requirements } from '../conformance/requirements.ts'
import { bytes as small } from '../conformance/sources.ts'
import { describeWith } from '../support/available.ts'
import { type Engine, startEngine } from '../support/engine.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { pattern, until } from '../support/fixture.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import type { Running } from '../support/listen.ts'
import { readAll } from '../support/origin.ts'
import { ask, exchange, field } from '../support/raw.ts'
import { clientOptions, connect, uploadInParts } from '../support/s3.ts'
import { startRequirementsServer } from './table.ts'

const bytes = pattern(3_000_000)
const other = Buffer.alloc(2_000_000, 'b')
const parts = [0, 1, 2].map((i) => bytes.subarray(i * 1_000_000, (i + 1) * 1_000_000))
const start = frameworks.find(([name]) => name === 'Koa 3')![1]
const Bucket = 'media'

describeWith('python3-swift', 'Swift', () => {
  let engine: Engine
  let proxy: FaultProxy
  /** Straight to the store, and through the proxy. */
  let direct: S3
  let client: S3
  let front: Sent
  let Key = 'clip.mp4'
  beforeAll(async () => {
    engine = await startEngine('start-swift.sh', '--min-part', '1024')
    proxy = await startFaultProxy(engine.port)
    direct = connect(engine)
    client = connect(engine, proxy.port)
    await direct.createBucket({ Bucket })
    await direct.createBucket({ Bucket: 'versioned' })
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await direct.putBucketVersioning({ Bucket: 'versioned', VersioningConfiguration })
    await put(Key, bytes)
    await uploadInParts(direct, Bucket, 'parts.mp4', parts)
    front = await start(() => fromS3({ client, Bucket, Key }))
  })
  afterAll(async () => {
    await front?.close()
    for (const each of [client, direct]) each?.destroy()
    await proxy?.close()
    await engine?.close()
  })
  afterEach(() => until('no response is under way', () => proxy.underWay === 0, 2000))

  const put = (name: string, Body: Buffer, bucket = Bucket) =>
    direct.putObject({ Bucket: bucket, Key: name, Body, ContentType: 'video/mp4' })
  const range = (value: string) => ({ headers: [['Range', `bytes=${value}`]] as const })
  const code = (value: string, status: number) => expect.objectContaining({ code: value, status })

  it.each([['clip.mp4'], ['parts.mp4']])('%s is read by range', async (name) => {
    Key = name
    proxy.takeRanges()
    const [one, suffix, several, beyond, zero] = await exchange(
      front.port,
      ['999990-2000009', '-7', '0-9,2500000-2500009', '3000000-', '-0'].map(range),
    )
    expect(one).toMatchObject({ status: 206 })
    expect(field(one!, 'ETag')).toMatch(
      name === 'clip.mp4' ? /^"[\da-f]{32}"$/ : /^"[\da-f]{32}-3"$/,
    )
    expect(one!.content.equals(bytes.subarray(999_990, 2_000_010))).toBe(true)
    expect(suffix!.content.equals(bytes.subarray(-7))).toBe(true)
    expect(several!.status).toBe(206)
    expect([beyond!.status, zero!.status]).toEqual([416, 416])
    expect(field(beyond!, 'Content-Range')).toBe('bytes */3000000')
    const asked = proxy.seen.splice(0).filter(({ method }) => method === 'GET')
    expect(asked.map(({ fields }) => fields.range!).toSorted()).toEqual([
      'bytes=0-9',
      'bytes=2500000-2500009',
      'bytes=2999993-2999999',
      'bytes=999990-2000009',
    ])
    for (const { fields } of asked) expect(fields['if-match']).toBe(field(one!, 'ETag'))
    Key = 'clip.mp4'
  })

  it('is read by a bare S3Client, if it is given the commands', async () => {
    const bare = new S3Client(clientOptions(engine, proxy.port))
    const commands = { HeadObjectCommand, GetObjectCommand }
    const source = await fromS3({ client: bare, commands, Bucket, Key: 'clip.mp4' })
    const { content } = await readAll(source, 5, 99)
    expect(content.equals(bytes.subarray(5, 100))).toBe(true)
    bare.destroy()
    expect(() => fromS3({ client: bare, Bucket, Key: 'clip.mp4' })).toThrow(
      /S3Client with commands/,
    )
  })

  it('reports an error of the upstream if the client returns a Body that is not a stream', async () => {
    const fake = {
      headObject: async () => ({ ContentLength: 10, ETag: '"v1"' }),
      getObject: async () => ({ ContentRange: 'bytes 0-9/10', ETag: '"v1"', Body: new Blob() }),
    }
    const source = await fromS3({ client: fake, Bucket, Key: 'clip.mp4' })
    const { error } = await readAll(source, 0, 9)
    expect(error).toEqual(code('ERR_UPSTREAM', 502))
    expect(error).toMatchObject({ message: expect.stringContaining('no stream') })
  })

  const broken = [
    ['is cut off twice', [{ cut: 1_000_000 }, { cut: 5 }], 3],
    ['stalls', [{ stall: 1_500_000 }], 2],
    ['ends early', [{ end: 1_500_000 }], 2],
    ['has no header', [{ silent: true }], 2],
    ['is refused as busy, twice', [{ status: 503 }, { status: 503 }], 3],
  ] as const
  it.each(broken)('a read that %s is exact to the byte', async (_what, faults, requests) => {
    const source = await fromS3(
      { client, Bucket, Key: 'clip.mp4' },
      // The SDK waits before it repeats a request that was refused as busy.
      { idleTimeout: 150, ...('silent' in faults[0] ? { timeout: 500 } : {}) },
    )
    proxy.takeRanges()
    proxy.faults.push(...faults)
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
    expect(proxy.takeRanges().length).toBe(requests)
  })

  it('an object that is replaced before the head is served anew, and after it cut off', async () => {
    Key = 'replaced.mp4'
    await put(Key, bytes)
    const source = await fromS3({ client, Bucket, Key })
    await put(Key, other)
    const running = await start(() => source)
    const anew = await ask(running.port, range('0-9'))
    expect(field(anew, 'Content-Range')).toBe('bytes 0-9/2000000')
    expect(anew.content.equals(other.subarray(0, 10))).toBe(true)
    await put(Key, bytes)
    proxy.faults.push(undefined, { cut: 1_000_000, meanwhile: () => put(Key, other) })
    await expect(ask(front.port, {})).rejects.toThrow(/ended before/)
    await until('it is over', () => front.transfers.at(-1)?.aborted === true)
    expect(front.transfers.at(-1)!.error).toMatchObject({ code: 'ERR_SOURCE_CHANGED' })
    await running.close()
    Key = 'clip.mp4'
  })

  it('an object that is replaced during a read is sent to its end', async () => {
    await put('during.mp4', bytes)
    const source = await fromS3({ client, Bucket, Key: 'during.mp4' })
    proxy.faults.push({ meanwhile: () => put('during.mp4', other) })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
  })

  it('an object in parts that is deleted during a read ends in an error', async () => {
    const name = 'deleted.mp4'
    await uploadInParts(direct, Bucket, name, parts)
    const source = await fromS3({ client, Bucket, Key: name })
    proxy.faults.push({
      cut: 1_000_000,
      meanwhile: () => direct.deleteObject({ Bucket, Key: name }),
    })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toEqual(code('ERR_NOT_FOUND', 404))
    expect(content.equals(bytes.subarray(0, content.length))).toBe(true)
  })

  it('a read of a version continues after it was replaced and deleted', async () => {
    const version = { Bucket: 'versioned', Key: 'clip.mp4' }
    await put(version.Key, bytes, version.Bucket)
    const source = await fromS3({ client, ...version })
    const change = async () => {
      await put(version.Key, other, version.Bucket)
      await direct.deleteObject(version)
    }
    proxy.faults.push({ cut: 1_000_000, meanwhile: change })
    const { content, error } = await readAll(source, 0, bytes.length - 1)
    expect(error).toBeUndefined()
    expect(content.equals(bytes)).toBe(true)
    await expect(fromS3({ client, ...version })).rejects.toEqual(code('ERR_NOT_FOUND', 404))
    const { Versions = [] } = await direct.listObjectVersions({ Bucket: version.Bucket })
    const { VersionId = '' } = Versions.find(({ Size }) => Size === bytes.length)!
    expect((await fromS3({ client, ...version, VersionId })).length).toBe(bytes.length)
  })

  it('a version that may not be named is pinned by its tag', async () => {
    await put('unnamed.mp4', bytes, 'versioned')
    const source = await fromS3({ client, Bucket: 'versioned', Key: 'unnamed.mp4' })
    proxy.seen.length = 0
    proxy.faults.push({ status: 403 })
    for (let i = 0; i < 2; i++) expect((await readAll(source, 0, 9)).error).toBeUndefined()
    expect(proxy.seen.map(({ path }) => path.includes('versionId'))).toEqual([true, false, false])
    expect(proxy.seen[1]!.fields['if-match']).toBe(source.etag)
  })

  it('maps errors by their status, whatever their name', async () => {
    const missing = fromS3({ client, Bucket, Key: 'missing' })
    await expect(missing).rejects.toEqual(code('ERR_NOT_FOUND', 404))
    const elsewhere = fromS3({ client, Bucket: 'no-such-bucket', Key })
    await expect(elsewhere).rejects.toEqual(code('ERR_NOT_FOUND', 404))
    const stranger = connect({ ...engine, secretAccessKey: 'wrong' })
    const refused = () => fromS3({ client: stranger, Bucket, Key }, { forbiddenStatus: 404 })
    await expect(refused()).rejects.toEqual(code('ERR_UPSTREAM_FORBIDDEN', 404))
    stranger.destroy()
    proxy.faults.push({ status: 301 })
    await expect(fromS3({ client, Bucket, Key })).rejects.toEqual(code('ERR_UPSTREAM', 502))
    proxy.faults.push({ silent: true })
    const late = fromS3({ client, Bucket, Key }, { timeout: 100, retries: 0 })
    await expect(late).rejects.toEqual(code('ERR_UPSTREAM_TIMEOUT', 504))
  })

  it('keeps metadata for a time, so that a range costs one request', async () => {
    const read = async (i: number) =>
      readAll(await fromS3({ client, Bucket, Key: 'clip.mp4' }, { metadataTtl: 60_000 }), i, i + 99)
    await read(0)
    proxy.seen.length = 0
    for (let i = 0; i < 5; i++) await read(i)
    expect(proxy.seen.map(({ method }) => method)).toEqual(Array(5).fill('GET'))
  })

  it('reuses connections', async () => {
    const source = await fromS3({ client, Bucket, Key: 'clip.mp4' })
    const { connections } = proxy
    for (let i = 0; i < 10; i++) await readAll(source, i * 1000, i * 1000 + 99_999)
    expect(proxy.connections - connections).toBeLessThanOrEqual(1)
  })

  it('leaves no connection in use, however a read ends', async () => {
    const source = await fromS3({ client, Bucket, Key: 'clip.mp4' })
    // The client of the SDK has 50 connections, and waits forever if all are kept.
    for (let i = 0; i < 52; i++) {
      const { signal } = new AbortController()
      const reading = source.read({ firstPos: 0, lastPos: 199_999 }, { signal })
      const iterator = (reading as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
      await iterator.next()
      await iterator.return!()
    }
    const { error } = await readAll(source, 0, 9)
    expect(error).toBeUndefined()
  })

  describe('and a signed URL', () => {
    const sign = (name = 'clip.mp4', signingDate = new Date()) =>
      getSignedUrl(client, new GetObjectCommand({ Bucket, Key: name }), {
        expiresIn: 60,
        signingDate,
      })

    it('is read by fromHttp, each request signed anew', async () => {
      const signed: string[] = []
      const source = await fromHttp(async () => {
        signed.push(await sign('parts.mp4', new Date(Date.now() - 10_000 * signed.length)))
        return signed.at(-1)!
      })
      proxy.faults.push({ cut: 1_000_000 })
      const { content, error } = await readAll(source, 0, bytes.length - 1)
      expect(error).toBeUndefined()
      expect(content.equals(bytes)).toBe(true)
      expect(new Set(signed).size).toBe(3)
    })

    it('that has expired between two requests is renewed', async () => {
      let calls = 0
      const longAgo = new Date(Date.now() - 3_600_000)
      const source = await fromHttp(() => sign('clip.mp4', calls++ === 1 ? longAgo : new Date()))
      expect((await readAll(source, 0, 9)).error).toBeUndefined()
      expect(calls).toBe(3)
    })

    it('that has expired, or was tampered with, is refused', async () => {
      for (const url of [await sign('clip.mp4', new Date(0)), `${await sign()}0`]) {
        const error: unknown = await fromHttp(url).catch((reason: unknown) => reason)
        expect(error).toEqual(code('ERR_UPSTREAM_FORBIDDEN', 502))
        expect((error as Error).message).not.toContain('Signature')
      }
    })
  })

  describe('and the table of requirements', () => {
    let table: Running
    beforeAll(async () => {
      await put('table.bin', small)
      table = await startRequirementsServer(() => fromS3({ client, Bucket, Key: 'table.bin' }))
    })
    afterAll(() => table?.close())

    it.each(requirements.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
      const [response] = await exchange(table.port, [each.request])
      check(response!, each.expect, { ascending: false })
    })
  })
})
