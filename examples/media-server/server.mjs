// A folder as a page with a player and, beside it, a live map of the bytes that the player requests.
//
//   node server.mjs [folder] [--koa] [--fast] [--port 3000]          PORT=3000 HOST=127.0.0.1

import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { explain, readArguments } from './arguments.mjs'
import { addDocument } from './document.mjs'
import { guard } from './guard.mjs'
import { listMedia } from './library.mjs'
import { TransferFeed } from './transfers.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const asked = await readArguments(process.argv.slice(2), process.env, here('media'))
if (asked.say !== undefined) {
  const print = asked.status === 0 ? console.log : console.error
  print(asked.say)
  process.exit(asked.status)
}
const { folder, koa, fast, port, host } = asked
if (folder === here('media')) await addDocument(folder)

const feed = new TransferFeed('/media/')
const { createApp } = await import(koa ? './koa.mjs' : './express.mjs')
const app = createApp({
  folder,
  page: here('public'),
  viewer: fileURLToPath(new URL('.', import.meta.resolve('pdfjs-dist/legacy/build/pdf.min.mjs'))),
  list: () => listMedia(folder, '/media/'),
  feed,
  line: { slow: !fast },
})
const server = createServer(guard(host, app))

server.on('error', (error) => {
  console.error(explain(error, port, host))
  process.exit(1)
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

function nameOf(address) {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(address)) return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}
