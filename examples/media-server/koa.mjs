import { rangeServe, rangeStatic } from '@range-serve/koa'
import Koa from 'koa'

export function createApp({ folder, page, list, feed, line }) {
  const app = new Koa()
  app.use(rangeServe())

  app.use(async (ctx, next) => {
    if (ctx.path === '/api/media') {
      ctx.body = await list()
    } else if (ctx.path === '/api/transfers') {
      ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      ctx.body = feed.follow()
    } else if (ctx.path === '/api/line') {
      ctx.body = line.state
    } else if (ctx.path.startsWith('/api/line/') && ctx.method === 'POST') {
      ctx.set('Connection', 'close')
      ctx.body = line.set(ctx.path === '/api/line/slow')
    } else {
      await next()
    }
  })

  // no-store, so that the map shows what the player requests, not what a cache lacks.
  app.use(rangeStatic(folder, { prefix: '/media', cacheControl: 'no-store' }))
  app.use(rangeStatic(page, { index: 'index.html' }))

  // To Koa, a client that leaves while a stream is sent to it is an error: here, every page that is
  // closed, for it follows the transfers.
  const left = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'])
  app.on('error', (error) => {
    if (!left.has(error.code)) console.error(error)
  })
  return app.callback()
}
