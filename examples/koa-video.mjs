// A seekable video on Koa: by ctx.sendRange, and by the filter over an ordinary file stream.
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
    // With validators: 304, and downloads resume.
    await ctx.sendRange(clip)
  } else if (ctx.path === '/stream.mp4') {
    // Seekable too: the filter reads the file from the first requested byte.
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
