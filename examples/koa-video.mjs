// A video that seeks, on Koa: by the verb, and by the filter behind the line everybody writes.
//
//   node examples/koa-video.mjs

import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rangeServe } from '@range-serve/koa'
import Koa from 'koa'

const clip = fileURLToPath(new URL('media-server/media/dive.mp4', import.meta.url))

const app = new Koa()
app.use(rangeServe())

app.use(async (ctx) => {
  if (ctx.path === '/clip.mp4') {
    // Validators, 304, resuming: all that a file can have.
    await ctx.sendRange(clip)
  } else if (ctx.path === '/stream.mp4') {
    // Seeks too: the filter reads the file from the first byte that is asked for.
    ctx.type = 'mp4'
    ctx.body = createReadStream(clip)
  } else {
    ctx.type = 'html'
    ctx.body = '<!doctype html><title>A clip</title><video controls src="/clip.mp4"></video>'
  }
})

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`)
})
