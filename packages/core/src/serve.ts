import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { contextOf } from './context.ts'
import { deliver } from './delivery/deliver.ts'
import { alreadyAnswered, type NodeResponse } from './delivery/outgoing.ts'
import type { Servable } from './open.ts'
import { closeUnsent } from './open-bytes.ts'
import type { SendOptions } from './options.ts'
import { prepare } from './prepare.ts'
import type { Transfer } from './transfer.ts'

/**
 * Responds to a `node:http` or `node:http2` request with a source: in full, ranges of it, 304, 412
 * or 416.
 *
 * Fields that are already set on the response are kept, and those that describe the source
 * (Content-Type, ETag, Last-Modified, Cache-Control) take precedence over its own. A status that is
 * already set, such as 404 for an error page, is kept too, and the page is sent in full.
 *
 * Resolves when the response is over, even if the client has disconnected (`aborted`). A source
 * that fails after the head was sent, or runs short, destroys the connection; its error is the
 * `error` of the transfer.
 *
 * @throws TypeError or RangeError with a `code`, at the call, if it can never be served
 * @throws SourceError with `status` and `code`, by rejecting: nothing was sent, so another response
 *   can be
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
