// Hono: a handler returns what toResponse makes. node hono.mjs

import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { toResponse } from '@range-serve/core'
import { media } from './media.mjs'

const app = new Hono()
app.get('/media/:name', (c) => toResponse(c.req.raw, c.req.param('name'), { root: media }))
app.onError((error, c) => c.body(null, error.status ?? 500))

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`http://localhost:${port}/media/dive.webm`)
})
