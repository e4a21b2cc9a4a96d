// A proxy in Node, in front of an origin with ranges.
//
//   ORIGIN_PORT=3000 PORT=8080 node examples/fronts/http-proxy-middleware.mjs

import { createServer } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

const app = express()
app.use(
  createProxyMiddleware({
    target: `http://127.0.0.1:${process.env.ORIGIN_PORT ?? '3000'}`,
    on: {
      // Without these, a client waits for ever after the origin has failed, and an origin sends for
      // a client that has left.
      proxyRes(from, request, response) {
        from.once('close', () => from.complete || response.destroy())
        response.once('close', () => from.destroy())
      },
    },
  }),
)
const server = createServer(app).listen(Number(process.env.PORT ?? '8080'), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`)
})
