import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { contextOf } from './context.ts'
import { deliver } from './delivery/deliver.ts'
import { alreadyAnswered, type NodeResponse } from './delivery/outgoing.ts'
import { closeUnsent, type Servable } from './open.ts'
import type { SendOptions } from './options.ts'
import { prepare } from './prepare.ts'
import type { Transfer } from './transfer.ts'

/**
 * Answers a `node:http` or `node:http2` request with a source: whole, ranges of it, 304, 412 or 416.
 *
 * Fields set on the response before are kept, and count as said of the source where they say what it
 * is (Content-Type, ETag, Last-Modified, Cache-Control). A status that was set, such as that of a page
 * for 404, is kept too, and the page sent whole.
 *
 * The promise resolves when the answer is over, also where the client left (`aborted`). A source that
 * fails after the head was sent, or runs short, destroys the connection; its error is the transfer's.
 *
 * @throws TypeError or RangeError with a `code`, at the call: what was passed can never be served
 * @throws SourceError with `status` and `code`, by rejecting: nothing was sent, answer as you like
 *
 * @example
 * createServer((request, response) => {
 *   serve(request, response, '/srv/clip.mp4').catch((error) => {
 *     response.writeHead(error.status ?? 500).end()
 *   })
 * })
 */
export function serve(
  request: IncomingMessage | Http2ServerRequest,
  response: NodeResponse,
  servable: Servable,
  options: SendOptions = {},
): Promise<Transfer> {
  if (response.headersSent) {
    closeUnsent(servable)
    throw alreadyAnswered()
  }
  const context = contextOf(response, { status: response.statusCode, pooled: true })
  const prepared = prepare(request, servable, options, context)
  return prepared.then((decided) => deliver(response, decided, options.signal))
}
