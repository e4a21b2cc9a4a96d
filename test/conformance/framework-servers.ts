// Frameworks whose applications are a few lines each: the examples are written like these.

import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { All, Controller, Res, StreamableFile } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Response as ExpressResponse } from 'express'
import Fastify from 'fastify'
import { H3 } from 'h3'
import { toNodeHandler } from 'h3/node'
import { Hono } from 'hono'
import { respond, type SendOptions, toResponse } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import { listen } from '../support/listen.ts'
import { representation, toHead } from './requirements.ts'
import type { TestServer } from './server.ts'

const { length, type, etag, lastModified, cacheControl } = representation
const headers = { Vary: 'Origin', 'Access-Control-Allow-Origin': '*' }
const options = { type, etag, lastModified, cacheControl, headers } satisfies SendOptions

/**
 * Servers of a file, by frameworks that are not Express or Koa.
 *
 * @param joined the requirements that a web `Request` cannot meet
 */
export function frameworkServers(
  filePath: string,
  joined: TestServer['otherwise'],
): readonly TestServer[] {
  const hono = new Hono().all('*', (context) => toResponse(context.req.raw, filePath, options))
  const respondHono = getRequestListener(hono.fetch, { overrideGlobalObjects: false })
  const h3 = new H3().all('/**', (event) => toResponse(event.req, filePath, options))
  const respondH3 = toNodeHandler(h3)
  return [
    {
      name: 'Hono, toResponse, a path',
      start: () => listen(http.createServer((...args) => void respondHono(...args))),
      ascending: false,
      otherwise: joined,
    },
    {
      name: 'h3, toResponse, a path',
      start: () => listen(http.createServer((...args) => void respondH3(...args))),
      ascending: false,
      otherwise: joined,
    },
    {
      name: 'Fastify, respond, a path',
      start: async () => {
        const fastify = Fastify()
        fastify.all('*', async (request, reply) => {
          const { status, headers, body } = await respond(request.raw, filePath, options)
          return reply.code(status).headers(headers).send(body)
        })
        await fastify.listen({ port: 0, host: '127.0.0.1' })
        const { port } = fastify.server.address() as AddressInfo
        return { port, close: () => fastify.close() }
      },
      ascending: false,
      otherwise: {},
    },
    {
      name: 'NestJS, sendRange, a path',
      start: () => startNest((response) => response.sendRange(filePath, options)),
      ascending: false,
      otherwise: {},
    },
    {
      name: 'NestJS, filter, a StreamableFile with a length',
      start: () => startNest((response) => streamable(response, filePath, { type, length })),
      ascending: false,
      otherwise: {},
    },
    {
      name: 'NestJS, filter, a StreamableFile without a length',
      start: () => startNest((response) => streamable(response, filePath, { type })),
      ascending: false,
      otherwise: toHead('NestJS does not pipe a StreamableFile in response to HEAD'),
    },
  ]
}

function streamable(
  response: ExpressResponse,
  filePath: string,
  own: { type: string; length?: number },
) {
  response.set({ ...headers, 'Cache-Control': cacheControl, ETag: etag })
  response.set('Last-Modified', lastModified.toUTCString())
  return new StreamableFile(fs.createReadStream(filePath), own)
}

/** Starts an application of one controller, whose decorators are called by hand. */
async function startNest(send: (response: ExpressResponse) => unknown) {
  class Sender {
    send(response: ExpressResponse): unknown {
      // Nest responds 201 to POST.
      response.status(200)
      return send(response)
    }
  }
  const method = Object.getOwnPropertyDescriptor(Sender.prototype, 'send')!
  Controller()(Sender)
  All()(Sender.prototype, 'send', method)
  Res({ passthrough: true })(Sender.prototype, 'send', 0)
  const app = await NestFactory.create({ module: Sender, controllers: [Sender] }, { logger: false })
  app.use(rangeServe())
  await app.listen(0, '127.0.0.1')
  const { port } = (app.getHttpServer() as http.Server).address() as AddressInfo
  return { port, close: () => app.close() }
}
