// A seekable front for an origin that pages of other origins may not read: with CORS, with several
// ranges in one request, and with downloads that survive a break of the origin's connection.
//
//   ORIGIN=https://media.example/public/ node examples/koa-http-proxy.mjs
//
// Without ORIGIN it serves one of its own.

import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { rangeStatic as folder } from '@range-serve/core'
import { fromHttp } from '@range-serve/http'
import { rangeServe, rangeStatic } from '@range-serve/koa'
import Koa from 'koa'

const origin = new URL(process.env.ORIGIN ?? (await startOrigin()))

const app = new Koa()
app.use(async (ctx, next) => {
  ctx.set('Access-Control-Allow-Origin', '*')
  ctx.set('Access-Control-Allow-Headers', 'Range, If-Range, If-None-Match')
  ctx.set('Access-Control-Expose-Headers', 'Accept-Ranges, Content-Range, Content-Length, ETag')
  ctx.set('Access-Control-Max-Age', '86400')
  if (ctx.method === 'OPTIONS') ctx.status = 204
  else await next()
})
app.use(rangeServe())

// The path has no `..` and no doubled slash, so that the URL stays below the origin's. No field of
// the client goes there.
const toUrl = (path) => new URL(path.split('/').map(encodeURIComponent).join('/'), origin)
const options = { metadataTtl: 10_000 }
app.use(rangeStatic((path) => (path === '' ? undefined : fromHttp(toUrl(path), options))))

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/dive.mp4`)
})

/** Serves the clips of the demo, as another machine would. */
async function startOrigin() {
  const media = fileURLToPath(new URL('media-server/media', import.meta.url))
  const serveMedia = folder(media)
  const store = createServer((request, response) => void serveMedia(request, response))
  await new Promise((resolve) => store.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${store.address().port}/`
}
