// A program of a user, which must compile; nothing runs it.

import { createServer } from 'node:http'
import {
  type ByteRange,
  type FileStats,
  fromBlob,
  fromBuffer,
  fromFile,
  fromReader,
  fromStream,
  planResponse,
  type RangeResponse,
  rangeStatic,
  respond,
  type SendOptions,
  serve,
  type Source,
  toResponse,
  type Transfer,
} from '@range-serve/core'
import { prepare } from '@range-serve/core/adapter'
import { toResponse as toResponseOfBytes } from '@range-serve/core/fetch'
import { Readable } from 'node:stream'

/** An option that is `undefined` is one that was not given, whatever `exactOptionalPropertyTypes` is. */
export const options: SendOptions = {
  type: undefined,
  etag: undefined,
  headers: undefined,
  maxAge: undefined,
  root: undefined,
  signal: undefined,
  onTransfer: undefined,
}
export const source: Source = {
  length: 10,
  type: undefined,
  etag: undefined,
  lastModified: undefined,
  seekable: undefined,
  close: undefined,
  read: async ({ firstPos, lastPos }: ByteRange) => new Uint8Array(lastPos + 1 - firstPos),
}

createServer((request, response) => void serve(request, response, source, options))
createServer(rangeStatic('media', { index: undefined, setHeaders: undefined, maxAge: undefined }))
createServer(rangeStatic((path) => (path === 'a' ? source : undefined), { setHeaders: undefined }))

export const etag = (stats: FileStats) => `"${stats.size}-${stats.mtimeNs}"`
export const sources = [
  fromBuffer(Buffer.from('bytes'), { etag: undefined }),
  fromBlob(new Blob(['bytes'])),
  fromReader({ length: 10, maxRead: undefined, read: async () => new Uint8Array(10) }),
  fromReader({ length: 10, read: () => Readable.from([]) }),
  fromReader({ length: 10, read: async () => (await fetch('http://upstream.test/')).body! }),
  fromStream(Readable.from([]), { length: 10, type: undefined }),
  fromStream(async () => Readable.from([]), { length: 10 }),
]
export const file: Promise<Source> = fromFile('/srv/clip.mp4')

export const fetchHandler = (request: Request): Promise<Response> =>
  toResponse(request, '/srv/clip.mp4', { onTransfer: (transfer: Transfer) => transfer.status })
export const bytesHandler = (request: Request): Promise<Response> =>
  toResponseOfBytes(request, new Uint8Array(10))

/** As the example of `respond` for a framework that takes a `Response`. */
export async function asResponse(request: Request): Promise<Response> {
  const { status, headers, body } = await respond(request, source, { headers: { 'X-One': '1' } })
  return new Response(body, { status, headers })
}
export const withLists: Promise<RangeResponse<string | string[]>> = respond(
  { method: 'GET', headers: {} },
  source,
  { headers: { 'Set-Cookie': ['a=1', 'b=2'] } },
)
export const status: number = planResponse({ headers: {} }, { length: 1, etag: undefined }).status
export const parts: number = prepare.length

/** As Fastify declares it. */
interface Reply {
  code(status: number): this
  headers(values: Partial<Record<string, number | string | string[] | undefined>>): this
  send(payload?: unknown): this
}
export async function asReply(request: { headers: Record<string, string> }, reply: Reply) {
  const { status, headers, body } = await respond(request, source, options)
  return reply.code(status).headers(headers).send(body)
}
