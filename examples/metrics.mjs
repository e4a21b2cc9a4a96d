// Figures for Prometheus, from the transfers that range-serve publishes. The names are those of the
// OpenTelemetry conventions for HTTP servers, if they have one.
//
//   node examples/metrics.mjs [folder]
//   curl -r 0-99999 -o /dev/null http://localhost:3000/dive.mp4
//   curl http://localhost:3000/metrics

import { subscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { coverage, rangeStatic } from '@range-serve/core'
import { Counter, Gauge, Histogram, register } from 'prom-client'

const labelNames = ['http_request_method', 'http_response_status_code', 'url_scheme']

const active = new Gauge({
  name: 'http_server_active_requests',
  help: 'Responses that are being sent',
  labelNames: ['http_request_method', 'url_scheme'],
})
const duration = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'From the request to the end of the response',
  labelNames,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
})
const bodySize = new Histogram({
  name: 'http_server_response_body_size_bytes',
  help: 'Bytes of content that were sent, complete or not',
  labelNames,
  buckets: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10],
})
const firstByte = new Histogram({
  name: 'range_serve_first_byte_seconds',
  help: 'From the request to the first content',
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
})
const aborted = new Counter({
  name: 'range_serve_aborted_total',
  help: 'Responses that ended early: the client has disconnected, or the source failed',
  labelNames: ['error_type'],
})
const views = new Counter({
  name: 'range_serve_views_total',
  help: 'Files of which a client has fetched 80 %, in however many ranges',
})

// A label with paths in it would have no bounds.
const labelsOf = ({ method }) => ({ http_request_method: method, url_scheme: 'http' })

const begun = new Set()
subscribe('range-serve:transfer:start', (transfer) => {
  begun.add(transfer)
  active.inc(labelsOf(transfer))
})
subscribe('range-serve:transfer', (transfer) => {
  if (begun.delete(transfer)) active.dec(labelsOf(transfer))
  const labels = { ...labelsOf(transfer), http_response_status_code: transfer.status }
  duration.observe(labels, transfer.durationMs / 1000)
  bodySize.observe(labels, transfer.bytesSent)
  if (transfer.firstByteMs !== undefined) firstByte.observe(transfer.firstByteMs / 1000)
  if (transfer.aborted) aborted.inc({ error_type: transfer.error?.code ?? 'disconnected' })
})

// What each client has of each file; the oldest make room.
const seen = new Map()
const mostSeen = 10_000

function countView(client, transfer) {
  const key = `${client} ${transfer.url}`
  const previous = seen.get(key)
  const next = coverage([transfer], { previous, rule: 0.8 })
  seen.delete(key)
  seen.set(key, next)
  if (seen.size > mostSeen) seen.delete(seen.keys().next().value)
  if (next.isCounted && !previous?.isCounted) views.inc()
}

const folder = process.argv[2] ?? fileURLToPath(new URL('media-server/media', import.meta.url))
const media = rangeStatic(folder)

async function respond(request, response) {
  if (request.url === '/metrics') {
    response.setHeader('Content-Type', register.contentType)
    response.end(await register.metrics())
    return
  }
  const client = request.socket.remoteAddress
  const transfer = await media(request, response)
  if (transfer) countView(client, transfer)
}

const server = createServer((request, response) => void respond(request, response))

server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`)
})
