// Serves an origin through fromHttp, and says on request how much memory it holds.

import http from 'node:http'
import { serve } from '../../packages/core/dist/index.js'
import { fromHttp } from '../../packages/http/dist/index.js'

const options = { metadataTtl: 600_000 }
const server = http.createServer((request, response) => {
  const source = fromHttp(process.env.ORIGIN, options)
  serve(request, response, source).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
async function measure() {
  // What one collection finds dead, the next frees.
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send({ rss, held: heapUsed + external })
}
process.on('message', () => void measure())
process.on('disconnect', () => process.exit())
