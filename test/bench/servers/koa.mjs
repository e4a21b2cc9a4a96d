// Koa: its floor, what its users install, and range-serve.

import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import Koa from 'koa'
import koaRange from 'koa-range'
import koaSend from 'koa-send'
import koaStatic from 'koa-static'
import { json } from '../fixture.mjs'
import { inMemory } from './ceiling.mjs'
import { koa as ours } from './ours.mjs'

const { rangeServe, rangeStatic } = ours

const apps = {
  'koa-ceiling'({ file }) {
    const answer = inMemory(file)
    return [
      (ctx) => {
        const { status, fields, bytes } = answer(ctx.req)
        ctx.status = status
        for (let i = 0; i < fields.length; i += 2) ctx.set(fields[i], fields[i + 1])
        if (bytes) ctx.body = bytes
      },
    ]
  },
  'koa-sendRange': ({ file }) => [rangeServe(), (ctx) => ctx.sendRange(file)],
  'koa-rangeStatic': ({ folder }) => [rangeStatic(folder)],
  'koa-send+koa-range': ({ folder }) => [
    koaRange,
    (ctx) => koaSend(ctx, ctx.path, { root: folder }),
  ],
  'koa-static+koa-range': ({ folder }) => [koaRange, koaStatic(folder)],

  'koa-buffer-filter'({ file }) {
    const buffer = readFileSync(file)
    return [rangeServe(), (ctx) => void (ctx.body = buffer)]
  },
  'koa-buffer+koa-range'({ file }) {
    const buffer = readFileSync(file)
    return [koaRange, (ctx) => void (ctx.body = buffer)]
  },

  'koa-stream-filter': ({ file }) => [
    rangeServe(),
    (ctx) => void (ctx.body = createReadStream(file)),
  ],
  'koa-stream+koa-range': ({ file }) => [
    koaRange,
    (ctx) => void (ctx.body = createReadStream(file)),
  ],

  'koa-empty': () => [(ctx) => void (ctx.body = '')],
  'koa-empty-field': () => [setAcceptRanges, (ctx) => void (ctx.body = '')],
  'koa-empty-filter': () => [rangeServe(), (ctx) => void (ctx.body = '')],
  'koa-json': () => [(ctx) => void (ctx.body = json)],
  'koa-json-field': () => [setAcceptRanges, (ctx) => void (ctx.body = json)],
  'koa-json-filter': () => [rangeServe(), (ctx) => void (ctx.body = json)],
}

/** Middleware that sets one field and decides nothing. */
function setAcceptRanges(ctx, next) {
  return next().then(() => void ctx.res.setHeader('Accept-Ranges', 'bytes'))
}

export const servers = {}
for (const [name, layers] of Object.entries(apps))
  servers[name] = (served) => makeServer(layers(served))

function makeServer(layers) {
  const app = new Koa()
  app.silent = true
  for (const layer of layers) app.use(layer)
  const handle = app.callback()
  return createServer((request, response) => void handle(request, response))
}
