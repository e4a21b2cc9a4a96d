// A folder as a page with a player and, beside it, a live map of the bytes that the player requests.
//
//   node server.mjs [folder] [--koa]          PORT=3000 HOST=127.0.0.1

import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { guard } from './guard.mjs'
import { listMedia } from './library.mjs'
import { Line } from './line.mjs'
import { TransferFeed } from './transfers.mjs'

const usage = `Usage: npm start -- [folder] [--koa]

  folder   what to serve; without it, the clips that come with the demo
  --koa    on Koa rather than Express

  PORT (3000; 0 for any that is free) and HOST (127.0.0.1) say where.`

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const { folder, koa, help } = readArguments()
if (help) {
  console.log(usage)
  process.exit()
}
const port = readPort(process.env.PORT ?? '3000')
const host = process.env.HOST ?? '127.0.0.1'
if (!(await isFolder(folder))) fail(`There is no folder ${folder}.`)

const feed = new TransferFeed('/media/')
const { createApp } = await import(koa ? './koa.mjs' : './express.mjs')
const server = createServer()
const line = new Line(server)
const list = () => listMedia(folder, '/media/')
const app = createApp({ folder, page: here('public'), list, feed, line })
server.on('request', guard(host, app))

server.on('error', (error) => {
  if (error.code === 'EADDRINUSE') fail(`Port ${port} is taken: set PORT to another one.`)
  if (error.code === 'EACCES') fail(`Port ${port} needs more rights than this process has.`)
  fail(`Cannot listen on ${host}: ${error.message}.`)
})
server.listen(port, host, () => {
  console.log(`Serving ${folder} on ${koa ? 'Koa' : 'Express'}`)
  console.log(`Open http://${nameOf(host)}:${server.address().port}/   (Ctrl-C ends it)`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

// Event streams and players keep their connections open, and close() alone would wait for them.
function close() {
  feed.close()
  server.close()
  server.closeAllConnections()
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

function readPort(text) {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= 65_535) return number
  return fail(`PORT must be a number from 0 to 65535, got ${JSON.stringify(text)}.`)
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
