// A program that has only the adapter installed; it is compiled, not run.

import express from 'express'
import {
  createServer,
  fromReader,
  fromStream,
  type RangeServeOptions,
  rangeServe,
  rangeStatic,
  type Representation,
  type SendOptions,
  type Source,
  type SourceError,
  type StaticOptions,
  type Transfer,
} from '@range-serve/express'

const defaults: RangeServeOptions = { maxRanges: undefined, onTransfer: undefined }
const folder: StaticOptions = {
  index: 'index.html',
  setHeaders: (response, path, stats) => void response.set('X-Path', path + stats.size),
}
const source: Source = fromReader({ length: 1, read: async () => new Uint8Array(1) })
const sent: SendOptions = { maxAge: '1d' }

const app = express()
app.use(rangeServe(defaults))
app.use('/media', rangeStatic('media', folder))
app.use(
  '/store',
  rangeStatic((_path, request) => (request.query['x'] ? source : undefined)),
)
app.get('/clip', async (_request, response) => {
  const transfer: Transfer = await response.sendRange('/srv/clip.mp4', sent)
  transfer.bytesSent.toFixed()
})
app.get('/stream', (request, response) => {
  void response.sendRange(fromStream(request, { length: 10 }), { signal: undefined })
})
app.use(((error: SourceError, _request, response, _next) => {
  response.status(error.status).end()
}) satisfies express.ErrorRequestHandler)
createServer(app)

export const representation: Representation = source
