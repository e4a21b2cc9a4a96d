// Express: its floor, its own two ways, and range-serve.

import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import express from 'express'
import { json } from '../fixture.mjs'
import { inMemory } from './ceiling.mjs'
import { express as ours } from './ours.mjs'

const { rangeServe, rangeStatic } = ours

const apps = {
  'express-ceiling'(app, { file, url }) {
    const answer = inMemory(file)
    app.get(url, (req, res) => {
      const { status, fields, bytes } = answer(req)
      res.writeHead(status, fields).end(bytes)
    })
  },
  'express-sendRange'(app, { file, url }) {
    app.use(rangeServe())
    app.get(url, (req, res) => res.sendRange(file))
  },
  'express-rangeStatic'(app, { folder }) {
    app.use(rangeStatic(folder))
  },
  'express.static'(app, { folder }) {
    app.use(express.static(folder))
  },
  'res.sendFile'(app, { file, url }) {
    app.get(url, (req, res) => res.sendFile(file))
  },

  'express-stream-filter'(app, { file, url }) {
    app.use(rangeServe())
    app.get(url, (req, res) => createReadStream(file).pipe(res))
  },

  // A buffer that is sent: by the filter, and cut by hand.
  'express-buffer-filter'(app, { file, url }) {
    const buffer = readFileSync(file)
    app.use(rangeServe())
    app.get(url, (req, res) => res.send(buffer))
  },
  'express-buffer-filter-etag'(app, { file, url }) {
    const buffer = readFileSync(file)
    app.use(rangeServe())
    app.get(url, (req, res) => res.set('ETag', '"1"').send(buffer))
  },
  'express-buffer-by-hand'(app, { file, url }) {
    const buffer = readFileSync(file)
    app.get(url, (req, res) => {
      const [{ start, end }] = req.range(buffer.length)
      res.set('Content-Range', `bytes ${start}-${end}/${buffer.length}`)
      res.status(206).send(buffer.subarray(start, end + 1))
    })
  },
  'express-buffer-by-hand-etag'(app, { file, url }) {
    const buffer = readFileSync(file)
    app.get(url, (req, res) => {
      const [{ start, end }] = req.range(buffer.length)
      res.set('Content-Range', `bytes ${start}-${end}/${buffer.length}`).set('ETag', '"1"')
      res.status(206).send(buffer.subarray(start, end + 1))
    })
  },

  // The same handler without the filter, with the least that middleware can do, and with the filter.
  'express-empty'(app) {
    app.get('/', (req, res) => res.end())
  },
  'express-empty-field'(app) {
    app.use(setAcceptRanges)
    app.get('/', (req, res) => res.end())
  },
  'express-empty-filter'(app) {
    app.use(rangeServe())
    app.get('/', (req, res) => res.end())
  },
  'express-json'(app) {
    app.get('/', (req, res) => res.json(json))
  },
  'express-json-field'(app) {
    app.use(setAcceptRanges)
    app.get('/', (req, res) => res.json(json))
  },
  'express-json-filter'(app) {
    app.use(rangeServe())
    app.get('/', (req, res) => res.json(json))
  },
}

/** Middleware that sets one field and decides nothing. */
function setAcceptRanges(req, res, next) {
  res.setHeader('Accept-Ranges', 'bytes')
  next()
}

export const servers = {}
for (const [name, build] of Object.entries(apps)) {
  servers[name] = (served) => createServer(makeApp(build, served))
}

// A server whose requests and responses have the app's prototypes from the start.
for (const [name, like] of [
  ['express-createServer-ceiling', 'express-ceiling'],
  ['express-createServer-sendRange', 'express-sendRange'],
  ['express-createServer-rangeStatic', 'express-rangeStatic'],
]) {
  servers[name] = (served) => ours.createServer?.(makeApp(apps[like], served))
}

function makeApp(build, served) {
  const app = express()
  build(app, served)
  return app
}
