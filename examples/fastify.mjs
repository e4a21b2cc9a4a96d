// Fastify: a plugin that adds reply.sendRange. node fastify.mjs

import Fastify from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { respond } from '@range-serve/core'
import { media } from './media.mjs'

const sendRange = fastifyPlugin(async (fastify) => {
  fastify.decorateReply('sendRange', async function (source, options) {
    const { status, headers, body } = await respond(this.request.raw, source, options)
    return this.code(status).headers(headers).send(body)
  })
})

const fastify = Fastify()
await fastify.register(sendRange)
fastify.route({
  // HEAD too: the route that Fastify makes of a GET tells the length of what is sent, which is 0.
  method: ['GET', 'HEAD'],
  url: '/media/:name',
  handler: (request, reply) => reply.sendRange(request.params.name, { root: media }),
})

await fastify.listen({ port: Number(process.env.PORT ?? 3000) })
console.log(`http://localhost:${fastify.server.address().port}/media/dive.webm`)
