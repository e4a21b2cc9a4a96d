// A file on node:http, without a framework.
//
//   node examples/node-http.mjs [file]
//   curl -r 0-99 http://localhost:3000/

import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { serve } from '@range-serve/core'

const clip = fileURLToPath(new URL('media-server/media/dive.webm', import.meta.url))
const file = resolve(process.argv[2] ?? clip)

const server = createServer((request, response) => {
  serve(request, response, file).catch((error) => {
    // Nothing has been sent yet: the file is missing, unreadable, or not a file.
    response.writeHead(error.status ?? 500).end()
  })
})

server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`)
})
