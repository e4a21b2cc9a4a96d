/** A complete server of the folder `media`, by framework. */
export const servers = {
  Express: `import express from 'express'
import { rangeServe, rangeStatic } from '@range-serve/express'

const app = express()
app.use(rangeServe()) // makes what other handlers send seekable, too
app.use('/media', rangeStatic('media'))
app.listen(3000)`,
  Koa: `import Koa from 'koa'
import { rangeServe, rangeStatic } from '@range-serve/koa'

const app = new Koa()
app.use(rangeServe()) // makes what other middleware sends seekable, too
app.use(rangeStatic('media', { prefix: '/media' }))
app.listen(3000)`,
  'node:http': `import { createServer } from 'node:http'
import { rangeStatic } from '@range-serve/core'

createServer(rangeStatic('media')).listen(3000)`,
}
