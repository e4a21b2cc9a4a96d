// A page that plays a file of the visitor's, and seeks in it, without a server: a service worker
// responds to its range requests. node service-worker/server.mjs, and choose a video.

import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { serve } from '@range-serve/core'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))

const { outputFiles } = await build({
  entryPoints: [here('worker.js')],
  bundle: true,
  format: 'esm',
  // For no runtime in particular: whatever only Node has would be an error.
  platform: 'neutral',
  mainFields: ['main'],
  write: false,
})
const worker = outputFiles[0].contents

const server = createServer((request, response) => {
  const sent =
    request.url === '/worker.js'
      ? serve(request, response, worker, { type: 'js' })
      : serve(request, response, here('page.html'))
  sent.catch(() => response.writeHead(500).end())
})
server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`http://localhost:${server.address().port}/`)
})
