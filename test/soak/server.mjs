// Every kind of server, in one process: server.mjs <folder>

import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pipeline } from 'node:stream'
import express from 'express'
import Koa from 'koa'

const dist = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)
const [core, forExpress, forKoa] = await Promise.all(['core', 'express', 'koa'].map(dist))
const [folder] = process.argv.slice(2)
const root = folder

/** Unhandled errors, and the errors that frameworks were given, by their codes. */
const unhandled = []
const errors = {}
process.on('unhandledRejection', (reason) => unhandled.push(String(reason?.stack ?? reason)))
process.on('uncaughtException', (error) => unhandled.push(String(error?.stack ?? error)))
const count = (error) => {
  const kind = error.code ?? error.name
  errors[kind] = (errors[kind] ?? 0) + 1
}

function serveWithCore(request, response) {
  core.serve(request, response, path.basename(request.url), { root }).catch((error) => {
    count(error)
    response.writeHead(error.status ?? 500)
    response.end()
  })
}

function expressApp() {
  const app = express()
  app.use(forExpress.rangeServe())
  app.get('/verb/:name', (request, response) => {
    void response.sendRange(request.params.name, { root })
  })
  app.get('/filter/:name', (request, response, next) => {
    const file = path.join(folder, request.params.name)
    const stats = fs.statSync(file)
    response.set('Content-Length', String(stats.size))
    response.set('ETag', `"${stats.size}"`)
    pipeline(fs.createReadStream(file), response, (error) => {
      if (error && !response.headersSent) next(error)
    })
  })
  app.use('/static', forExpress.rangeStatic(folder, { fallthrough: false }))
  app.use((error, _request, response, _next) => {
    count(error)
    if (response.headersSent) response.destroy()
    else response.status(error.status ?? 500).end()
  })
  return app
}

function koaApp() {
  const app = new Koa()
  app.on('error', count)
  app.use(forKoa.rangeServe())
  app.use(forKoa.rangeStatic(folder, { prefix: '/static' }))
  app.use(async (ctx) => {
    const name = path.basename(ctx.path)
    if (ctx.path.startsWith('/verb/')) await ctx.sendRange(name, { root })
    else ctx.body = fs.createReadStream(path.join(folder, name))
  })
  return app.callback()
}

const respondWithKoa = koaApp()
const servers = {
  'node:http': http.createServer(serveWithCore),
  'HTTP/2': http2.createServer(serveWithCore),
  Express: http.createServer(expressApp()),
  'Express on createServer': forExpress.createServer(expressApp()),
  Koa: http.createServer((request, response) => void respondWithKoa(request, response)),
}

const ports = {}
for (const [name, server] of Object.entries(servers)) {
  // Longer than the clients of a run are idle, so that no request meets the end of its connection.
  server.keepAliveTimeout = 120_000
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  ports[name] = server.address().port
}

process.on('disconnect', () => process.exit())
process.on('message', () => {
  // Twice: the second collects what finalizers have released.
  globalThis.gc()
  globalThis.gc()
  const { rss, heapUsed } = process.memoryUsage()
  const descriptors = fs.readdirSync('/proc/self/fd').length
  process.send({ rss, heapUsed, descriptors, unhandled, errors })
})
const version = (name) => createRequire(import.meta.url)(`${name}/package.json`).version
process.send({ ports, versions: `Express ${version('express')}, Koa ${version('koa')}` })
