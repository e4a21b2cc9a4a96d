// Compression before and behind the filter: a full response may be compressed, a part never.

import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import zlib from 'node:zlib'
import compression from 'compression'
import type { RequestHandler } from 'express'
import type { Middleware } from 'koa'
import koaCompress from 'koa-compress'
import { afterEach, expect, it } from 'vitest'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { Apps } from '../../support/apps.ts'
import { expressApps } from '../../support/express-apps.ts'
import { koaApps } from '../../support/koa-apps.ts'
import { folder, text } from '../../support/files.ts'
import type { Running } from '../../support/listen.ts'
import { parseByteranges } from '../../support/multipart.ts'
import { exchange, field, type RawRequest, type RawResponse } from '../../support/raw.ts'

const textPath = path.join(folder, 'text.txt')
const textBytes = Buffer.from(text)
const json = { lines: text.split('\n', 1000) }
const jsonBytes = Buffer.from(JSON.stringify(json))
const etag = '"v1"'
const options = { etag: () => etag }

type Kinds<Use> = readonly (readonly [
  what: string,
  seenBy: 'us' | 'both',
  whole: Buffer,
  handler: Use,
])[]

const expressKinds: Kinds<RequestHandler> = [
  ['res.send of a string', 'both', textBytes, (_, response) => void response.send(text)],
  ['res.send of bytes', 'both', textBytes, (_, response) => void response.send(textBytes)],
  ['res.json', 'both', jsonBytes, (_, response) => void response.json(json)],
  [
    'writes',
    'both',
    textBytes,
    (_, response) => {
      response.set('Content-Length', String(textBytes.length))
      for (let i = 0; i < textBytes.length; i += 10_000) {
        response.write(textBytes.subarray(i, i + 10_000))
      }
      response.end()
    },
  ],
  [
    'a pipe',
    'us',
    textBytes,
    (_, response) => {
      response.set('Content-Length', String(textBytes.length))
      fs.createReadStream(textPath).pipe(response)
    },
  ],
  ['sendRange', 'us', textBytes, (_, response) => void response.sendRange(textPath, { etag })],
  ['rangeStatic', 'us', textBytes, forExpress.rangeStatic(folder, options)],
]

const koaKinds: Kinds<Middleware> = [
  ['a string', 'both', textBytes, (ctx) => void (ctx.body = text)],
  ['bytes', 'both', textBytes, (ctx) => ((ctx.body = textBytes), void (ctx.type = 'txt'))],
  ['JSON', 'both', jsonBytes, (ctx) => void (ctx.body = json)],
  [
    'a file stream',
    'both',
    textBytes,
    (ctx) => ((ctx.type = 'txt'), void (ctx.body = fs.createReadStream(textPath))),
  ],
  [
    'a stream',
    'both',
    textBytes,
    (ctx) => {
      ctx.body = Readable.from([textBytes])
      ctx.type = 'txt'
      ctx.length = textBytes.length
    },
  ],
  ['sendRange', 'us', textBytes, (ctx) => ctx.sendRange(textPath, { etag })],
  ['rangeStatic', 'us', textBytes, forKoa.rangeStatic(folder, options)],
]

interface Case {
  readonly whole: Buffer
  /** Compression is between the handler and the filter, which then sees no length. */
  readonly isBetween: boolean
  start(): Promise<Running>
}

function cases<Use>(
  apps: Apps<Use>,
  kinds: Kinds<Use>,
  filter: () => Use,
  compress: () => Use,
  prepare: Use,
): [title: string, Case][] {
  return apps.flatMap(([name, start]) =>
    kinds.flatMap(([what, seenBy, whole, handler]) =>
      (['before', 'after'] as const).map((order): [string, Case] => [
        `${name}: compression ${order} the filter, ${what}`,
        {
          whole,
          isBetween: order === 'after' && seenBy === 'both',
          start: () =>
            order === 'before'
              ? start(compress(), filter(), prepare, handler)
              : start(filter(), compress(), prepare, handler),
        },
      ]),
    ),
  )
}

const all = [
  ...cases<RequestHandler>(
    expressApps,
    expressKinds,
    forExpress.rangeServe,
    compression,
    (_, response, next) => (response.type('txt').set('ETag', etag), next()),
  ),
  ...cases<Middleware>(
    koaApps,
    koaKinds,
    forKoa.rangeServe,
    koaCompress as () => Middleware,
    (ctx, next) => (ctx.set('ETag', etag), next()),
  ),
]

const decoders: Record<string, (content: Buffer) => Buffer> = {
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
}

function decode(response: RawResponse): Buffer {
  const encoding = field(response, 'Content-Encoding')
  return encoding === undefined ? response.content : decoders[encoding]!(response.content)
}

function expectSlices(response: RawResponse, whole: Buffer, ranges: [number, number][]): void {
  expect(field(response, 'Content-Encoding')).toBeUndefined()
  expect(field(response, 'Cache-Control')).toContain('no-transform')
  const parts =
    ranges.length === 1
      ? [{ contentRange: field(response, 'Content-Range'), content: response.content }]
      : parseByteranges(field(response, 'Content-Type')!, response.content)
  const expected = ranges.map(([firstPos, lastPos]) => ({
    contentRange: `bytes ${firstPos}-${lastPos}/${whole.length}`,
    content: whole.subarray(firstPos, lastPos + 1),
  }))
  expect(parts).toMatchObject(expected)
}

const request = (accept: string, ...headers: [string, string][]): RawRequest => ({
  path: '/text.txt',
  headers: [...(accept ? [['Accept-Encoding', accept] as const] : []), ...headers],
})
const one: [string, string] = ['Range', 'bytes=5-2099']
const several: [string, string] = ['Range', 'bytes=5-99,9000-9099']

/** The tag of an encoding of what is tagged `etag`. */
const codedTag = (coding: string) => `W/${etag.slice(0, -1)}-${coding}"`

let running: Running
afterEach(() => running.close())

it.each(all)('%s', async (_title, { whole, isBetween, start }) => {
  running = await start()
  // On one connection: a wrong length would show in the next response.
  const accept = 'gzip, br'
  const [first, single, parts, same, other, joined, unchanged, plain, last] = await exchange(
    running.port,
    [
      request(accept),
      request(accept, one),
      request(accept, several),
      request(accept, one, ['If-Range', etag]),
      request(accept, one, ['If-Range', '"v0"']),
      request(accept, one, ['If-Range', `W/${etag}`]),
      request(accept, ['If-None-Match', `W/${etag}`]),
      request('', one),
      request(''),
    ],
  )
  if (!isBetween) expect(unchanged!.status).toBe(304)
  for (const response of [
    first!,
    other!,
    joined!,
    ...(isBetween ? [single!, parts!, same!] : []),
  ]) {
    expect(response.status).toBe(200)
    expect(['gzip', 'br']).toContain(field(response, 'Content-Encoding'))
    expect(response.fields.get('vary')?.join()).toContain('Accept-Encoding')
    expect(field(response, 'Content-Length')).toBeUndefined()
    expect(decode(response).equals(whole)).toBe(true)
    // The tag of the bytes as they are is not that of their encoding, or a client would join the two.
    expect(field(response, 'ETag')).toBe(codedTag(field(response, 'Content-Encoding')!))
    // What the filter sees is of unknown length: no ranges of it can be had.
    if (isBetween) expect(field(response, 'Accept-Ranges')).toBeUndefined()
  }
  for (const response of isBetween ? [plain!] : [single!, same!, plain!]) {
    expect(response.status).toBe(206)
    expectSlices(response, whole, [[5, 2099]])
  }
  if (!isBetween) expectSlices(parts!, whole, [[5, 99], [9000, 9099]]) // prettier-ignore
  expect(last!.status).toBe(200)
  expect(field(last!, 'Accept-Ranges')).toBe('bytes')
  expect(last!.content.equals(whole)).toBe(true)
})

it.each(all)('%s: each coding has a tag', async (title, { whole, isBetween, start }) => {
  running = await start()
  const accept = 'gzip, br'
  const [first] = await exchange(running.port, [request(accept)])
  const tag = codedTag(field(first!, 'Content-Encoding')!)
  const [known, foreign, sliced, matched, resumed, plain, still] = await exchange(running.port, [
    request(accept, ['If-None-Match', tag]),
    request('identity', ['If-None-Match', tag]),
    request('identity', one, ['If-None-Match', tag]),
    request('identity', ['If-Match', tag]),
    request('identity', one, ['If-Range', tag]),
    request('identity', one),
    request('identity', ['If-None-Match', etag]),
  ])
  if (!isBetween || title.includes('res.')) expect(known!.status).toBe(304)
  expect(field(known!, 'ETag')).toBe(tag)
  // The client has an encoding, and could cut the range out of that.
  expect(foreign!.status).toBe(200)
  expect(foreign!.content.equals(whole)).toBe(true)
  expect(sliced!.status).toBe(206)
  expectSlices(sliced!, whole, [[5, 2099]])
  expect(matched!.status).toBe(412)
  expect(resumed!.status).toBe(200)
  expect(resumed!.content.equals(whole)).toBe(true)
  expect(plain!.status).toBe(206)
  expect(plain!.fields.get('vary')?.join()).toBe('Accept-Encoding')
  expect(still!.status).toBe(304)
  for (const response of [foreign!, sliced!, resumed!, plain!, still!]) {
    expect(field(response, 'ETag')).toBe(etag)
  }
})
