// A folder, for a cache in front: several processes, which give a file the same tag.
//
//   node examples/fronts/origin.mjs [folder]          PORT=3000 WORKERS=2

import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { rangeStatic } from '@range-serve/express'
import express from 'express'
import { startWorkers } from '../workers.mjs'

const folder = process.argv[2] ?? fileURLToPath(new URL('../media-server/media', import.meta.url))

if (cluster.isPrimary) {
  const port = await startWorkers(Number(process.env.WORKERS ?? '2'))
  console.log(`http://localhost:${port}/`)
} else {
  const app = express()
  app.use((req, res, next) => {
    res.set('X-Worker', String(process.pid))
    next()
  })
  // With the default of max-age=0, caches fetch the whole file again for each range.
  app.use(rangeStatic(folder, { maxAge: '1h' }))
  const server = createServer(app)
  // A front that forgets a client of its own keeps no file open for longer than this.
  server.timeout = 60_000
  server.listen(Number(process.env.PORT ?? '3000'), '127.0.0.1')
}
