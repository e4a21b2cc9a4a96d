// Runs code blocks of the documents, each in the place that it is written for, and requests a range.
//
//   node run-blocks.mjs <folder>      the folder has blocks.json, and what the blocks serve
//
// Prints, as JSON, one outcome for each block: the status and the Content-Range, or an error.

import { readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import cors from '@koa/cors'
import * as core from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import compression from 'compression'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import Koa from 'koa'

const [, , folder] = process.argv
const blocks = JSON.parse(readFileSync(`${folder}/blocks.json`, 'utf8'))
const clip = `${folder}/clip.mp4`
const bytes = readFileSync(clip)
process.chdir(folder)

/** Servers that blocks start, on a free port rather than their own. */
const started = []
const { listen } = net.Server.prototype
net.Server.prototype.listen = function listenAnywhere() {
  started.push(this)
  return listen.call(this, 0, '127.0.0.1')
}

const origin = http
  .createServer((request, response) => void core.serve(request, response, clip))
  .listen()
started.length = 0
await new Promise((resolve) => origin.once('listening', resolve))

/** Files that blocks open and leave open: Node 26 fails if they are closed by garbage collection. */
const handles = []
async function openKept(path) {
  const handle = await open(path)
  handles.push(handle)
  return handle
}

// What blocks mention and leave to the reader.
const part = ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1)
const standIns = {
  ...core,
  bucket: { find: () => bytes, get: (_key, range) => part(range) },
  buffer: bytes,
  blob: new Blob([bytes]),
  compression,
  countView() {},
  cors,
  createProxyMiddleware: (options) => globalThis.app.use(createProxyMiddleware(options)),
  fromS3() {},
  findClip: async () => bytes,
  id: 1,
  intro: bytes,
  key: 'clip',
  length: bytes.length,
  makeReport: () => bytes,
  object: { size: bytes.length, etag: '"v1"' },
  open: openKept,
  read: part,
  target: `http://127.0.0.1:${origin.address().port}`,
  sign: () => `http://127.0.0.1:${origin.address().port}/private`,
  client: {
    headObject: async () => ({ ContentLength: bytes.length, ETag: '"v1"' }),
    getObject: async ({ Range }) => {
      const [firstPos, lastPos] = Range.match(/\d+/g).map(Number)
      const ContentRange = `bytes ${firstPos}-${lastPos}/${bytes.length}`
      const Body = Readable.from([part({ firstPos, lastPos })])
      return { ContentRange, ContentLength: lastPos - firstPos + 1, ETag: '"v1"', Body }
    },
  },
}
Object.assign(globalThis, standIns)
Object.defineProperty(globalThis, 'stream', {
  get: () => Readable.from([bytes]),
  configurable: true,
})

const outcomes = []
for (const [index, block] of blocks.entries()) {
  try {
    outcomes.push(await runBlock(index, block))
  } catch (error) {
    outcomes.push(String(error?.stack ?? error))
  }
}
console.log(JSON.stringify(outcomes))
process.exit()

async function runBlock(index, { file, code, url, put }) {
  const isKoa = file.includes('/koa/') || /\bctx\b|\bKoa\b|@koa/.test(code)
  const { rangeServe, rangeStatic } = isKoa ? forKoa : forExpress
  const make = () => (isKoa ? new Koa() : express())
  const listenTo = (app) => http.createServer(isKoa ? app.callback() : app).listen()
  const isComplete = /= (?:new Koa|express)\(\)/.test(code)
  const app = make()
  let listener
  const self = { addEventListener: (_type, added) => (listener = added) }
  Object.assign(globalThis, { app, rangeServe, rangeStatic, self })
  if (!code.includes('rangeServe(')) app.use(rangeServe())
  started.length = 0
  const own = await load(index, code)
  if (url === undefined) return 'loaded'

  if (own.calls)
    return runCalls(own.calls, (call) => {
      const one = make().use(rangeServe())
      one.use((first, second) => call(isKoa ? first : second))
      return listenTo(one)
    })
  if (own.onTransfer) return runListener(own)
  if (listener) return inWorker(listener, url)
  if (own.app?.fetch) return outcomeOf(await own.app.fetch(rangeOf(url)))
  if (own.source) return outcomeOf(await core.toResponse(rangeOf(url), own.source))
  if (own.fromRow) return outcomeOf(await core.toResponse(rangeOf(url), own.fromRow(pool(), 1)))
  // What a fragment adds to an application is before this handler.
  if (!isComplete)
    app.use(isKoa ? (ctx) => ctx.sendRange(clip) : (_req, res) => res.sendRange(clip))
  return request(started[0] ?? listenTo(app), url, put)
}

/** Imports a block as a module that gives its own names away. Of a list of calls, it gives these. */
async function load(index, code) {
  const calls = [...code.matchAll(/^(?:res|ctx)(\.sendRange\(.*\))\s+\/\/ .*$/gm)]
  const list = calls.map(([, call]) => `async (target) => target${call},\n`)
  const names = [...code.matchAll(/^(?:const|let|(?:async )?function) (\w+)/gm)].map(
    ([, name]) => name,
  )
  const text =
    list.length > 0
      ? `export const calls = [\n${list.join('')}]\n`
      : `${code}\nexport { ${[...new Set(names)].join(', ')} }\n`
  const path = new URL(`../.artifacts/blocks/block-${index}.mjs`, import.meta.url)
  writeFileSync(
    path,
    text
      .replaceAll('/srv/', `${folder}/`)
      .replaceAll('https://origin.example', `http://127.0.0.1:${origin.address().port}`),
  )
  return import(path.href)
}

async function runCalls(calls, start) {
  const outcomes = []
  for (const call of calls) outcomes.push(await request(start(call), '/'))
  return outcomes.find((outcome) => !outcome.startsWith('206 ')) ?? outcomes[0]
}

function runListener({ onTransfer, seen }) {
  const sent = { bytesPlanned: 4, bytesSent: 4, completeLength: 4 }
  onTransfer('viewer', {
    method: 'GET',
    status: 206,
    ranges: [{ firstPos: 0, lastPos: 3 }],
    ...sent,
  })
  return seen.get('viewer').isCounted ? 'counted' : 'not counted'
}

function rangeOf(url) {
  return new Request(`http://localhost${url}`, { headers: { Range: 'bytes=0-3' } })
}

async function outcomeOf(response) {
  await response.arrayBuffer()
  return `${response.status} ${response.headers.get('Content-Range')}`
}

async function request(server, url, put) {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  const address = `http://127.0.0.1:${server.address().port}${url}`
  if (put) await fetch(address, { method: 'PUT', body: bytes })
  const outcome = await outcomeOf(await fetch(address, { headers: { Range: 'bytes=0-3' } }))
  server.closeAllConnections()
  server.close()
  return outcome
}

function inWorker(listener, url) {
  return new Promise((resolve, reject) => {
    const respondWith = (response) => response.then(outcomeOf).then(resolve, reject)
    listener({ request: rangeOf(url), respondWith })
  })
}

/** A database of one row. */
function pool() {
  return {
    async query(text, [, , start, length]) {
      if (text.includes('substring'))
        return { rows: [{ d: bytes.subarray(start - 1, start - 1 + length) }] }
      return { rows: [{ length: bytes.length, version: 1 }] }
    },
  }
}
