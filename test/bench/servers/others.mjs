// Other servers of files in Node.

import { createServer } from 'node:http'
import fastifyStatic from '@fastify/static'
import { createAdaptorServer } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import fastify from 'fastify'
import { Hono } from 'hono'
import sirv from 'sirv'
import { serve } from 'srvx/node'
import { staticMiddleware } from 'srvx/static'

export const servers = {
  sirv({ folder }) {
    return createServer(sirv(folder, { etag: true }))
  },

  async '@fastify/static'({ folder }) {
    const app = fastify()
    await app.register(fastifyStatic, { root: folder })
    await app.ready()
    return app.server
  },

  '@hono/node-server'({ folder }) {
    const app = new Hono()
    app.use('*', serveStatic({ root: folder }))
    return createAdaptorServer({ fetch: app.fetch })
  },

  srvx({ folder }) {
    const fetch = () => new Response('', { status: 404 })
    const middleware = [staticMiddleware({ dir: folder })]
    return serve({ manual: true, gracefulShutdown: false, middleware, fetch }).node.server
  },
}
