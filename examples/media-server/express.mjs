import { pipeline } from 'node:stream'
import { rangeServe, rangeStatic } from '@range-serve/express'
import express from 'express'

export function createApp({ folder, page, viewer, list, feed, line }) {
  const app = express()
  app.use(rangeServe())

  app.get('/api/media', (req, res, next) => {
    list().then((media) => res.json(media), next)
  })
  app.get('/api/transfers', (req, res) => {
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    // Express routes HEAD here too, and the events have no end.
    if (req.method === 'HEAD') return res.end()
    pipeline(feed.follow(), res, () => {})
  })

  app.get('/api/line', (req, res) => res.json(line))
  app.post('/api/line/:speed', (req, res) => {
    line.slow = req.params.speed === 'slow'
    res.json(line)
  })

  // no-store, so that the map shows what the player requests, not what a cache lacks.
  const fast = rangeStatic(folder, { cacheControl: 'no-store' })
  const pace = { bytesPerSecond: 500_000, burst: 10_000 }
  const slow = rangeStatic(folder, { cacheControl: 'no-store', pace })
  app.use('/media', (req, res, next) => (line.slow ? slow : fast)(req, res, next))
  app.use('/pdfjs', rangeStatic(viewer, { maxAge: '1h' }))
  app.use(rangeStatic(page, { index: 'index.html' }))
  return app
}
