// Requests a range while this process has no descriptor left, and again when it has; prints both
// responses.

import fs from 'node:fs'
import http from 'node:http'
import { serve } from '../../packages/core/dist/index.js'

const server = http.createServer((request, response) => {
  if (request.url === '/nothing') return response.end()
  serve(request, response, process.env.FILE).catch((error) => {
    response.writeHead(error.status ?? 500).end()
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

// On one connection, opened before.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const ask = (path) =>
  new Promise((resolve, reject) => {
    const { port } = server.address()
    const headers = { Range: 'bytes=100-199' }
    http
      .get({ port, host: '127.0.0.1', path, headers, agent }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode))
      })
      .once('error', reject)
  })

await ask('/nothing')
const held = []
try {
  for (;;) held.push(fs.openSync('/dev/null'))
} catch {
  // No more.
}
const responses = [['out of them', await ask('/')]]
for (const fd of held) fs.closeSync(fd)
responses.push(['with some', await ask('/')])
console.log(JSON.stringify(responses))
agent.destroy()
server.close()
