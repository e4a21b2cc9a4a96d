import { pipeline } from 'node:stream'
import { rangeServe, rangeStatic } from '@range-serve/express'
import express from 'express'

export function createApp({ folder, page, list, feed, line }) {
  const app = express()
  app.use(rangeServe())

  app.get('/api/media', (req, res, next) => {
    list().then((files) => res.json(files), next)
  })
  app.get('/api/transfers', (req, res) => {
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    // Express routes HEAD here too, and the events have no end.
    if (req.method === 'HEAD') return res.end()
    pipeline(feed.follow(), res, () => {})
  })

  app.get('/api/line', (req, res) => res.json(line.state))
  app.post('/api/line/:speed', (req, res) => {
    res.set('Connection', 'close').json(line.set(req.params.speed === 'slow'))
  })

  // no-store, so that the map shows what the player requests, not what a cache lacks.
  app.use('/media', rangeStatic(folder, { cacheControl: 'no-store' }))
  app.use(rangeStatic(page, { index: 'index.html' }))
  return app
}
