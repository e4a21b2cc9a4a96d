// A remote object, read by range: a seek in the player is one small request to the store.
//
// The store here is another HTTP server. S3, GCS and Azure work the same way: length and entity-tag
// come from a HEAD, bytes from a GET with a Range.
//
//   node examples/express-object-store.mjs

import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { fromReader, serve } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import express from 'express'

/** Makes a source of a URL whose server supports ranges. */
async function fromUrl(url) {
  const head = await fetch(url, { method: 'HEAD' })
  if (!head.ok) throw Object.assign(new Error(`The store says ${head.status}`), { status: 502 })
  const etag = head.headers.get('etag')
  return fromReader({
    length: Number(head.headers.get('content-length')),
    type: head.headers.get('content-type') ?? 'application/octet-stream',
    etag: etag ?? undefined,
    read: async ({ firstPos, lastPos }, { signal }) => {
      const headers = { Range: `bytes=${firstPos}-${lastPos}`, ...(etag && { 'If-Match': etag }) }
      const response = await fetch(url, { headers, signal })
      if (response.status !== 206) throw new Error(`The store says ${response.status}`)
      return response.body
    },
  })
}

// The store, which is usually another machine.
const clip = fileURLToPath(new URL('media-server/media/dive.mp4', import.meta.url))
const store = createServer((request, response) => void serve(request, response, clip))
await new Promise((resolve) => store.listen(0, '127.0.0.1', resolve))
const objectUrl = `http://127.0.0.1:${store.address().port}/dive.mp4`

const app = express()
app.use(rangeServe())

app.get('/clip.mp4', async (req, res) => {
  await res.sendRange(await fromUrl(objectUrl))
})

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/clip.mp4`)
})
