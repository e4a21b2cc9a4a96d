// Responses whose `setHeader`, `removeHeader` or `writeHead` throws, as middleware has patched it: what
// is sent is complete, and what the handler made if the filter cannot set its fields.

import fs from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import http from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream'
import express5, { type Response } from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { rangeServe as rangeServeKoa } from '@range-serve/koa'
import { bytes, folder, modified, range } from '../support/files.ts'
import { openDescriptors, until, writeOldFile } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'
import { exchange, field, type RawRequest } from '../support/raw.ts'

type Patch = (response: ServerResponse) => void

/** Makes a method throw, for one field or for all, so many times. */
function refuse(
  method: 'setHeader' | 'removeHeader' | 'writeHead',
  { name, times = Infinity }: { name?: string; times?: number } = {},
): Patch {
  return (response) => {
    let left = times
    const before = response[method] as (...args: unknown[]) => unknown
    Object.assign(response, {
      [method](this: ServerResponse, ...args: unknown[]) {
        const isMeant = name === undefined || String(args[0]).toLowerCase() === name
        if (isMeant && left-- > 0) throw new Error('Refused')
        return Reflect.apply(before, this, args)
      },
    })
  }
}

const names = ['accept-ranges', 'cache-control', 'content-length', 'content-range', 'etag']
const patches: readonly (readonly [what: string, patch: Patch])[] = [
  ['setHeader', refuse('setHeader')],
  ['setHeader once', refuse('setHeader', { times: 1 })],
  ['removeHeader', refuse('removeHeader')],
  ...names.map((name) => [`setHeader of ${name}`, refuse('setHeader', { name })] as const),
]
const once: typeof patches = [['writeHead once', refuse('writeHead', { times: 1 })]]

/** A file that is read at once, and one that is read in pieces. */
const lengths = [1000, 300_000]
const fileOf = (length: number) => path.join(folder, `refused-${length}.bin`)
for (const length of lengths) writeOldFile(fileOf(length), bytes.subarray(0, length), modified)

type Handler = (response: Response, length: number, patch: Patch) => unknown

const open = (length: number) => fs.createReadStream(fileOf(length))
const pipes: readonly (readonly [how: string, handler: Handler])[] = [
  ['a piped file', (response, length, patch) => {
    patch(response)
    open(length).pipe(response)
  }],
  ['a pipeline of a file', (response, length, patch) => {
    patch(response)
    pipeline(open(length), response, () => {})
  }],
] // prettier-ignore
const others: typeof pipes = [
  ['a piped file of known length', (response, length, patch) => {
    response.set('Content-Length', String(length))
    patch(response)
    open(length).pipe(response)
  }],
  ['bytes', (response, length, patch) => {
    response.set('Content-Length', String(length))
    patch(response)
    response.end(bytes.subarray(0, length))
  }],
] // prettier-ignore

function inExpress(create: typeof express5, handler: Handler, patch: Patch): RequestListener {
  const app = create().set('env', 'test')
  app.use(rangeServe())
  app.use((request, response) => handler(response, Number(request.path.slice(1)), patch))
  return app
}

function inKoa(Koa: typeof Koa3, body: (length: number) => unknown, patch: Patch): RequestListener {
  const app = new Koa()
  app.use(rangeServeKoa())
  app.use((ctx) => {
    ctx.body = body(Number(ctx.path.slice(1)))
    patch(ctx.res)
  })
  const respond = app.callback()
  return (request, response) => void respond(request, response)
}

const bodies: readonly (readonly [what: string, make: (length: number) => unknown])[] = [
  ['a file stream', open],
  ['bytes', (length) => bytes.subarray(0, length)],
]

/** Requests what may be a 200, 206, 416 or 304, and expects a complete response to each. */
async function expectComplete(listener: RequestListener): Promise<void> {
  const { port, close } = await listen(http.createServer(listener))
  for (const length of lengths) {
    const whole = bytes.subarray(0, length)
    const target = { path: `/${length}` }
    const requests: readonly RawRequest[] = [
      target,
      { ...target, ...range('5-9') },
      { ...target, ...range(`${length}-`) },
      { ...target, headers: [['If-None-Match', '*']] },
    ]
    const responses = await exchange(port, requests)
    for (const [i, response] of responses.entries()) {
      const planned = [
        [200, undefined],
        [206, `bytes 5-9/${length}`],
        [416, `bytes */${length}`],
        [304, undefined],
      ][i]
      const { status, content } = response
      expect([planned, [200, undefined]], `${length}, request ${i}`).toContainEqual([
        status,
        field(response, 'Content-Range'),
      ])
      const expected = { 200: whole, 206: whole.subarray(5, 10) }[status] ?? Buffer.alloc(0)
      expect(content.equals(expected), `${length}, request ${i}`).toBe(true)
    }
    await until('the file is closed', () => openDescriptors(fileOf(length)) <= 0)
  }
  await close()
}

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('%s', (_name, create) => {
  const rows = [
    ...pipes.flatMap((row) => [...patches, ...once].map((patch) => [...row, ...patch] as const)),
    ...others.flatMap((row) => patches.map((patch) => [...row, ...patch] as const)),
  ]
  it.each(rows)('completes $0 in spite of $2', async (_how, handler, _what, patch) => {
    await expectComplete(inExpress(create, handler, patch))
  })
})

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2 as unknown as typeof Koa3],
])('%s', (_name, Koa) => {
  const rows = bodies.flatMap((row) => patches.map((patch) => [...row, ...patch] as const))
  it.each(rows)('completes $0 in spite of $2', async (_what, body, _how, patch) => {
    await expectComplete(inKoa(Koa, body, patch))
  })
})
