// Serves ten thousand clients that disconnect at random moments, and prints what is left.

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { fromStream, serve } from '../../packages/core/dist/index.js'
import * as forExpress from '../../packages/express/dist/index.js'
import * as forKoa from '../../packages/koa/dist/index.js'

const { FILE: file, COUNT: count, SEED: seed } = process.env
const { size } = fs.statSync(file)

/** mulberry32: the same moments in each run. */
let state = Number(seed)
function random() {
  state = (state + 0x6d2b79f5) | 0
  let bits = Math.imul(state ^ (state >>> 15), 1 | state)
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
}

/** Responses under way. */
const live = { count: 0 }
const makes = {
  '/file': () => file,
  '/stream': () => fromStream(fs.createReadStream(file), { length: size }),
}
const make = (url) => makes[url]()
const onTransfer = () => void live.count--
const options = { onTransfer }

const node = (request, response) => {
  live.count++
  serve(request, response, make(request.url), options).catch(() => response.destroy())
}
const expressApp = (express) => {
  const app = express()
  app.use(forExpress.rangeServe())
  app.use((request, response) => {
    live.count++
    void response.sendRange(make(request.url), options)
  })
  return http.createServer(app)
}
const koaApp = (Koa) => {
  const app = new Koa()
  app.silent = true
  app.use(forKoa.rangeServe())
  app.use((ctx) => {
    live.count++
    return ctx.sendRange(make(ctx.url), options)
  })
  return http.createServer(app.callback())
}
const servers = [
  http.createServer(node),
  http2.createServer(node),
  expressApp(express5),
  expressApp(express4),
  koaApp(Koa3),
  koaApp(Koa2),
]
await Promise.all(
  servers.map((server) => new Promise((done) => server.listen(0, '127.0.0.1', done))),
)

const requests = [
  ['/file', ''],
  ['/file', 'bytes=1000-'],
  ['/file', 'bytes=0-99'],
  ['/file', 'bytes=0-99999,200000-'],
  ['/stream', ''],
  ['/stream', `bytes=${size / 2}-`],
]
const pick = (list) => list[Math.floor(random() * list.length)]

/** Sends a request and disconnects: at once, after a while, or after some bytes. */
function abortOne(server) {
  const [path, range] = pick(requests)
  const { port } = server.address()
  const moment = random()
  const wait = random() * 10
  const bytes = random() * 300_000
  return new Promise((resolve) => {
    let leave = () => {}
    const watch = (stream) => {
      let received = 0
      if (moment < 0.2) setImmediate(() => leave())
      else if (moment < 0.5) setTimeout(() => leave(), wait)
      // A shorter response has ended before.
      else setTimeout(() => leave(), 100)
      stream.on('data', (data) => {
        received += data.length
        if (moment >= 0.5 && received >= bytes) leave()
      })
    }
    if (server instanceof http.Server) {
      const socket = net.connect(port, '127.0.0.1')
      leave = () => socket.destroy()
      socket.on('error', () => {}).once('close', resolve)
      const field = range && `Range: ${range}\r\n`
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${field}\r\n`, () => watch(socket))
    } else {
      const session = http2.connect(`http://127.0.0.1:${port}`)
      session.on('error', () => {}).once('close', resolve)
      const stream = session.request({ ':path': path, ...(range && { range }) })
      stream.on('error', () => {}).once('close', () => session.destroy())
      leave = () =>
        moment < 0.7 ? stream.close(http2.constants.NGHTTP2_CANCEL) : session.destroy()
      stream.once('ready', () => watch(stream))
    }
  })
}

async function abortMany(total) {
  let left = total
  const worker = async () => {
    while (left-- > 0) await abortOne(servers[left % servers.length])
  }
  await Promise.all(Array.from({ length: 64 }, worker))
}

/** What this process holds when nothing is under way. */
async function measure() {
  const deadline = Date.now() + 5000
  while (live.count > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20))
  // Files are kept open for half a second.
  await new Promise((done) => setTimeout(done, 800))
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await new Promise((done) => setTimeout(done, 50))
  }
  const { heapUsed, external } = process.memoryUsage()
  const descriptors = fs.readdirSync('/proc/self/fd').length
  const mebibytes = Math.round(((heapUsed + external) / 2 ** 20) * 10) / 10
  return { live: live.count, descriptors, mebibytes }
}

let unhandled = 0
process.on('unhandledRejection', () => unhandled++)
process.on('uncaughtException', () => unhandled++)

const idle = await measure()
// The first requests create what is created once.
await abortMany(count / 5)
const before = await measure()
const begun = Date.now()
await abortMany(count - count / 5)
const seconds = (Date.now() - begun) / 1000
const after = await measure()
console.log(JSON.stringify({ idle, before, after, unhandled, seconds }))
process.exit()
