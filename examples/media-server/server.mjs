// A folder as a page with a player and, beside it, a live map of the bytes that the player requests.
//
//   node server.mjs [folder] [--koa] [--fast] [--port 3000]    PORT=3000 HOST=127.0.0.1 WORKERS=1

import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { explain, readArguments } from './arguments.mjs'
import { addDocument } from './document.mjs'
import { guard } from './guard.mjs'
import { listMedia } from './library.mjs'
import { TransferFeed } from './transfers.mjs'
import { startWorkers, stopWorkers } from '../workers.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const asked = await readArguments(process.argv.slice(2), process.env, here('media'))
if (asked.say !== undefined) {
  const print = asked.status === 0 ? console.log : console.error
  print(asked.say)
  process.exit(asked.status)
}
const { folder, koa, fast, port, host, workers } = asked
if (cluster.isPrimary && folder === here('media')) await addDocument(folder)

if (cluster.isPrimary && workers > 1) {
  onSignal(stopWorkers)
  // The worker has said why it ended.
  announce(await startWorkers(workers).catch(() => process.exit(1)))
} else await serve()

async function serve() {
  const feed = new TransferFeed('/media/')
  const { createApp } = await import(koa ? './koa.mjs' : './express.mjs')
  const app = createApp({
    folder,
    page: here('public'),
    viewer: fileURLToPath(new URL('.', import.meta.resolve('pdfjs-dist/legacy/build/pdf.min.mjs'))),
    list: () => listMedia(folder, '/media/'),
    feed,
    line: shared({ slow: !fast }, feed),
  })
  const server = createServer(guard(host, app))

  server.on('error', (error) => {
    console.error(explain(error, port, host))
    process.exit(1)
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
    if ('slow' in message) line.slow = message.slow
    else if ('died' in message) feed.abandon(message.died)
    else feed.take(message)
  })
  return {
    get slow() {
      return line.slow
    },
    set slow(slow) {
      line.slow = slow
      process.send({ slow })
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

function nameOf(address) {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(address)) return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}
