// Other servers of files in Node.

import { createServer } from 'node:http'
import fastifyStatic from '@fastify/static'
import { createAdaptorServer } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import fastify from 'fastify'
import { Hono } from 'hono'
import sirv from 'sirv'

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
}
