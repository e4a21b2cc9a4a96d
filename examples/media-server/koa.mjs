import { rangeServe, rangeStatic } from '@range-serve/koa'
import Koa from 'koa'

export function createApp({ folder, page, viewer, list, feed, line }) {
  const app = new Koa()
  app.use(rangeServe())

  app.use(async (ctx, next) => {
    if (ctx.path === '/api/media') {
      ctx.body = await list()
    } else if (ctx.path === '/api/transfers') {
      ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      ctx.body = feed.follow()
    } else if (ctx.path === '/api/line') {
      ctx.body = line
    } else if (ctx.path.startsWith('/api/line/') && ctx.method === 'POST') {
      line.slow = ctx.path === '/api/line/slow'
      ctx.body = line
    } else {
      await next()
    }
  })

  // no-store, so that the map shows what the player requests, not what a cache lacks.
  const options = { prefix: '/media', cacheControl: 'no-store' }
  const fast = rangeStatic(folder, options)
  const slow = rangeStatic(folder, { ...options, pace: { bytesPerSecond: 500_000, burst: 10_000 } })
  app.use((ctx, next) => (line.slow ? slow : fast)(ctx, next))
  app.use(rangeStatic(viewer, { prefix: '/pdfjs', maxAge: '1h' }))
  app.use(rangeStatic(page, { index: 'index.html' }))

  // To Koa, a client that leaves while a stream is sent to it is an error: here, every page that is
  // closed, for it follows the transfers.
  const left = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'])
  app.on('error', (error) => {
    if (!left.has(error.code)) console.error(error)
  })
  return app.callback()
}
