// A folder as a page with a player and, beside it, a live map of the bytes that the player requests.
//
//   node server.mjs [folder] [--koa]          PORT=3000 HOST=127.0.0.1 WORKERS=1

import cluster from 'node:cluster'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { guard } from './guard.mjs'
import { listMedia } from './library.mjs'
import { Line } from './line.mjs'
import { TransferFeed } from './transfers.mjs'
import { startWorkers, stopWorkers } from '../workers.mjs'

const usage = `Usage: npm start -- [folder] [--koa]

  folder   what to serve; without it, the clips that come with the demo
  --koa    on Koa rather than Express

  PORT (3000; 0 for any that is free) and HOST (127.0.0.1) say where.
  WORKERS (1) is the number of processes that share the port.`

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const { folder, koa, help } = readArguments()
if (help) {
  console.log(usage)
  process.exit()
}
const port = readNumber('PORT', '3000', [0, 65_535])
const workers = readNumber('WORKERS', '1', [1, 64])
const host = process.env.HOST ?? '127.0.0.1'
if (!(await isFolder(folder))) fail(`There is no folder ${folder}.`)

if (cluster.isPrimary && workers > 1) {
  onSignal(stopWorkers)
  // The worker has said why it ended.
  announce(await startWorkers(workers).catch(() => process.exit(1)))
} else await serve()

async function serve() {
  const feed = new TransferFeed('/media/')
  const { createApp } = await import(koa ? './koa.mjs' : './express.mjs')
  const server = createServer()
  const line = shared(new Line(server), feed)
  const list = () => listMedia(folder, '/media/')
  const app = createApp({ folder, page: here('public'), list, feed, line })
  server.on('request', guard(host, app))

  server.on('error', (error) => {
    if (error.code === 'EADDRINUSE') fail(`Port ${port} is taken: set PORT to another one.`)
    if (error.code === 'EACCES') fail(`Port ${port} needs more rights than this process has.`)
    fail(`Cannot listen on ${host}: ${error.message}.`)
  })
  server.listen(port, host, () => {
    if (cluster.isPrimary) announce(server.address().port)
  })

  // Event streams and players keep their connections open, and close() alone would wait for them.
  onSignal(() => {
    feed.close()
    server.close()
    server.closeAllConnections()
    if (cluster.isWorker) process.disconnect()
  })
}

/** With several workers, each of them has the same line and the same feed. */
function shared(line, feed) {
  if (!cluster.isWorker) return line
  feed.onReport = (report) => process.send(report)
  process.on('message', (message) => {
    if ('slow' in message) line.set(message.slow)
    else if ('died' in message) feed.abandon(message.died)
    else feed.take(message)
  })
  return {
    get state() {
      return line.state
    },
    set(slow) {
      process.send({ slow })
      return line.set(slow)
    },
  }
}

function announce(listening) {
  console.log(`Serving ${folder} on ${koa ? 'Koa' : 'Express'}`)
  console.log(`Open http://${nameOf(host)}:${listening}/   (Ctrl-C ends it)`)
}

function onSignal(close) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { koa: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
    if (positionals.length > 1) throw new Error('One folder at a time, please')
    // npm runs scripts in the folder of package.json; INIT_CWD is where the user is.
    const from = process.env.INIT_CWD ?? process.cwd()
    const [path] = positionals
    return { ...values, folder: path === undefined ? here('media') : resolve(from, path) }
  } catch (error) {
    return fail(`${error.message}\n\n${usage}`)
  }
}

function readNumber(name, otherwise, [least, most]) {
  const text = process.env[name] ?? otherwise
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  return fail(`${name} must be a number from ${least} to ${most}, got ${JSON.stringify(text)}.`)
}

async function isFolder(path) {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isDirectory() ?? false
}

function nameOf(address) {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(address)) return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}

/** @returns {never} */
function fail(message) {
  console.error(message)
  process.exit(1)
}
