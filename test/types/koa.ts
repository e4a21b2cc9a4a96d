// A program that has only the adapter installed; it is compiled, not run.

import Koa from 'koa'
import {
  fromReader,
  fromStream,
  type KoaStaticOptions,
  type PendingTransfer,
  type RangeServeOptions,
  rangeServe,
  rangeStatic,
  type Representation,
  type SendOptions,
  type Source,
  type Transfer,
} from '@range-serve/koa'

const defaults: RangeServeOptions = { maxRanges: undefined, onTransfer: undefined }
const folder: KoaStaticOptions = { prefix: undefined, index: ['index.html'], setHeaders: undefined }
const source: Source = fromReader({ length: 1, read: async () => new Uint8Array(1) })
const sent: SendOptions = { maxAge: '1d' }

const app = new Koa()
app.use(rangeServe(defaults))
app.use(rangeStatic('media', folder))
app.use(rangeStatic((_path, ctx) => (ctx.query['x'] ? source : undefined)))
app.use(async (ctx) => {
  const pending: PendingTransfer = await ctx.sendRange('/srv/clip.mp4', sent)
  const transfer: Transfer = await pending.finished
  transfer.bytesSent.toFixed()
})
app.use((ctx) => ctx.sendRange(fromStream(ctx.req, { length: 10 }), { signal: undefined }))

export const representation: Representation = source
