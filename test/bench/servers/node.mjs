// node:http alone: the ceiling, the usual handler, and range-serve.

import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { inMemory } from './ceiling.mjs'
import { core } from './ours.mjs'

export const servers = {
  ram({ file }) {
    const answer = inMemory(file)
    return createServer((request, response) => {
      const { status, fields, bytes } = answer(request)
      response.writeHead(status, fields).end(bytes)
    })
  },

  naive({ file }) {
    const { size } = statSync(file)
    return createServer((request, response) => {
      const { range } = request.headers
      const [, first = 0, last = size - 1] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
      const [start, end] = [Number(first), Number(last)]
      response.writeHead(range === undefined ? 200 : 206, {
        'Accept-Ranges': 'bytes',
        'Content-Type': 'application/octet-stream',
        'Content-Length': end - start + 1,
        ...(range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end}/${size}` }),
      })
      createReadStream(file, { start, end }).pipe(response)
    })
  },

  core({ file }) {
    return createServer((request, response) => serveFile(request, response, file))
  },

  'core-async'({ file }) {
    return createServer((request, response) =>
      serveFile(request, response, file, { reads: 'async' }),
    )
  },
}

function serveFile(request, response, file, options) {
  core.serve(request, response, file, options).catch((error) => {
    response.writeHead(error.status ?? 500).end()
  })
}
