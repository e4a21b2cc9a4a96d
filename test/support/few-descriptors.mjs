// Serves more files than this process may have open, one after the other, and counts those that
// arrived.

import { createServer } from 'node:http'
import { serve } from '../../packages/core/dist/index.js'

const files = JSON.parse(process.env.FILES)
const server = createServer((request, response) => {
  serve(request, response, files[Number(request.url.slice(1))]).catch((error) => {
    response.writeHead(error.status ?? 500).end()
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

let served = 0
for (const [i, file] of files.entries()) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/${i}`)
  if (response.status === 200 && (await response.text()) === file) served++
}
console.log(`${served} of ${files.length}`)
server.close()
server.closeAllConnections()
