// Streams of every class, sent by an Express response in every way: with the filter the client gets
// what it requested, and everything else is the same as without it.

import http from 'node:http'
import path from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { pipeline as pipelined } from 'node:stream/promises'
import express, { type ErrorRequestHandler, type Response } from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { folder, modified, range } from '../../support/files.ts'
import { openDescriptors, pattern, until, writeOldFile } from '../../support/fixture.ts'
import { listen } from '../../support/listen.ts'
import { parseByteranges } from '../../support/multipart.ts'
import {
  ask,
  askUntilClosed,
  exchange,
  field,
  type RawRequest,
  type RawResponse,
} from '../../support/raw.ts'
import { type Origin, sources, startOrigin } from '../../support/strangers.ts'

const content = pattern(300_000)
const etag = '"v1"'

/** What happened to one response. */
type Told = string[]
type HandOver = (source: Readable, response: Response, told: Told) => Promise<unknown> | void

/** Why Node itself does not support a way for a source. */
const impossible: Readonly<Record<string, RegExp>> = {
  'for await': /first kind|readable-stream 2/,
  'res.end': /first kind|readable-stream 2/,
}

const handOvers: readonly (readonly [how: string, handOver: HandOver])[] = [
  [
    'pipe',
    (source, response, told) => {
      source.on('end', () => told.push('source ends'))
      source.pipe(response)
    },
  ],
  [
    'pipeline',
    (source, response, told) =>
      void pipeline(source, response, (error) => told.push(`pipeline: ${error?.code ?? 'done'}`)),
  ],
  [
    'await pipeline',
    (source, response, told) =>
      pipelined(source, response).then(() => void told.push('pipeline: done')),
  ],
  [
    'for await',
    async (source, response, told) => {
      for await (const chunk of source) {
        const flowing = response.write(chunk, (error) => error && told.push(`write: ${error}`))
        if (!flowing) await new Promise((resolve) => response.once('drain', resolve))
      }
      response.end(() => told.push('end'))
    },
  ],
  [
    'res.end',
    async (source, response, told) => {
      const chunks: Buffer[] = []
      for await (const chunk of source) chunks.push(chunk as Buffer)
      response.end(Buffer.concat(chunks), () => told.push('end'))
    },
  ],
]

interface Question extends RawRequest {
  readonly title: string
  readonly status: number
  readonly ranges: readonly (readonly [firstPos: number, lastPos: number])[]
}

const last = content.length - 1
const questions: readonly Question[] = [
  { title: 'no Range', status: 200, ranges: [[0, last]] },
  { title: 'first bytes', ...range('0-1'), status: 206, ranges: [[0, 1]] },
  { title: 'a middle', ...range('65530-99999'), status: 206, ranges: [[65_530, 99_999]] },
  { title: 'last bytes', ...range('-7'), status: 206, ranges: [[last - 6, last]] },
  { title: 'two ranges', ...range('5-9,90000-90009'), status: 206, ranges: [[5, 9], [90_000, 90_009]] },
  { title: 'unchanged', headers: [['If-None-Match', etag]], status: 304, ranges: [] },
  { title: 'beyond', ...range('300000-'), status: 416, ranges: [] },
  { title: 'HEAD', method: 'HEAD', ...range('0-1'), status: 200, ranges: [] },
] // prettier-ignore
/** Those whose client may leave with the last byte, which is not the last of the content. */
const partial = questions.filter(({ status }) => status !== 200)

/** How clients connect: returns the requests and their responses. */
type Connect = (port: number) => Promise<[Question, RawResponse][]>

/** All at once on one connection, which is free again after the last of them. */
const keepAlive: Connect = async (port) => {
  const responses = await exchange(port, [...questions, { path: '/last' }])
  return questions.map((question, i) => [question, responses[i]!])
}

/** Each on a connection that the server closes. */
const close: Connect = (port) =>
  Promise.all(questions.map(async (each) => [each, await askUntilClosed(port, each)] as const))

/** Each on a connection that the client closes with the last byte. */
const leave: Connect = async (port) => {
  const pairs: [Question, RawResponse][] = []
  for (const question of partial) pairs.push([question, await ask(port, question)])
  return pairs
}

type Make = (typeof sources)[number][1]

/** Sends the requests; returns what was reported of each response that is not the full one. */
async function run(
  origin: Origin,
  make: Make,
  handOver: HandOver,
  connect: Connect,
  { isFiltered, isSized = true }: { isFiltered: boolean; isSized?: boolean },
): Promise<Told[]> {
  const told: Told[] = []
  const app = express().set('env', 'production')
  if (isFiltered) app.use(rangeServe())
  app.get('/last', (_request, response) => void response.end())
  app.use(async (_request, response) => {
    const events: Told = []
    told.push(events)
    response.on('finish', () => events.push('finish')).on('close', () => events.push('close'))
    response.set('ETag', etag)
    if (isSized) response.set('Content-Length', String(content.length))
    const source = await make(origin)
    source.on('error', (error) => events.push(`source: ${error.message}`))
    await handOver(source, response, events)
  })
  const fail: ErrorRequestHandler = (error, _request, response, _next) => {
    told.at(-1)!.push(`next: ${error.code ?? error}`)
    response.destroy()
  }
  app.use(fail)
  const running = await listen(http.createServer(app))
  try {
    for (const [question, response] of await connect(running.port)) {
      check(question, response, isFiltered)
    }
    // 'finish', 'close', and what the source or the callback reports.
    await until('all responses are over', () => told.every((each) => each.length >= 3))
    await until('the file is closed', () => openDescriptors(origin.filePath) === 0)
    await until('nothing else is open', () => origin.open.size === 0)
    await until('no upstream is read', () => Object.keys(origin.agent.sockets).length === 0)
  } finally {
    await running.close()
  }
  return told.map((each) => each.toSorted())
}

function check(question: Question, response: RawResponse, isFiltered: boolean): void {
  const { title, method } = question
  // Without the filter, what a handler writes has neither ranges nor conditions.
  const { status, ranges } = isFiltered || method === 'HEAD' ? question : questions[0]!
  expect(response.status, title).toBe(status)
  const parts =
    ranges.length > 1
      ? parseByteranges(field(response, 'Content-Type')!, response.content)
      : [response]
  const expected = ranges.map(([firstPos, lastPos]) => content.subarray(firstPos, lastPos + 1))
  const all = Buffer.concat(parts.map((part) => part.content))
  expect(all.equals(Buffer.concat(expected)), title).toBe(true)
}

describe.each(sources)('%s', (name, make) => {
  let origin: Origin
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  beforeAll(async () => {
    process.on('warning', warn)
    const filePath = path.join(folder, `${name}.bin`)
    writeOldFile(filePath, content, modified)
    origin = await startOrigin(filePath)
  })
  afterAll(async () => {
    await origin.close()
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  const possible = handOvers.filter(([how]) => !impossible[how]?.test(name))
  it.each(possible)('is the same with the filter, by %s', (_how, handOver) =>
    compare(origin, make, handOver, true),
  )

  const unsized = name === 'fs.ReadStream' ? handOvers.slice(0, 3) : []
  it.each(unsized)('is the same with the filter, without a length, by %s', (_how, handOver) =>
    compare(origin, make, handOver, false),
  )
})

/** Compares what is reported with the filter and without it. */
async function compare(
  origin: Origin,
  make: Make,
  handOver: HandOver,
  isSized: boolean,
): Promise<void> {
  const filtered = { isFiltered: true, isSized }
  const plain = await run(origin, make, handOver, keepAlive, { isFiltered: false, isSized })
  expect(await run(origin, make, handOver, keepAlive, filtered)).toEqual(plain)
  // All are the same to the handler, whichever side closes the connection.
  expect(await run(origin, make, handOver, close, filtered)).toEqual(plain)
  const left = await run(origin, make, handOver, leave, filtered)
  expect(left).toEqual(plain.slice(0, partial.length))
}
