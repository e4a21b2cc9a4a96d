// h3, as in Nitro and Nuxt: a handler returns what toResponse makes. node h3.mjs

import { getRouterParam, H3, HTTPError, serve } from 'h3'
import { toResponse } from '@range-serve/core'
import { media } from './media.mjs'

const app = new H3()
app.get('/media/:name', async (event) => {
  try {
    return await toResponse(event.req, getRouterParam(event, 'name'), { root: media })
  } catch (error) {
    throw new HTTPError({ status: error.status ?? 500, cause: error })
  }
})

const server = serve(app, { port: Number(process.env.PORT ?? 3000), silent: true })
await server.ready()
console.log(`http://localhost:${new URL(server.url).port}/media/dive.webm`)
