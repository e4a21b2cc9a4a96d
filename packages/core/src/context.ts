// What a Node response says about how it can be made.

import { mayBeEncoded } from './delivery/encoding.ts'
import {
  isGone,
  isInTurn,
  isMultiplexed,
  type NodeResponse,
  whenInTurn,
  whenOver,
} from './delivery/outgoing.ts'
import { smallSize } from './delivery/pool.ts'
import type { ResponseContext } from './prepare.ts'
import type { FieldLookup } from './semantics/fields.ts'

/**
 * The context of a response, for `prepare`.
 *
 * @param own the `status`, if one was set, whether the content may be `pooled` at all, and how the
 *   fields that are set are looked up, unless on the response
 */
export function contextOf(
  response: NodeResponse,
  own: {
    readonly status?: number | undefined
    readonly pooled: boolean
    readonly set?: FieldLookup | undefined
  },
): ResponseContext {
  const isHttp2 = isMultiplexed(response)
  return {
    set: own.set ?? ((name) => response.getHeader(name)),
    status: own.status,
    isEncodable: isTagged(response.req) && mayBeEncoded(response),
    inTurn: isInTurn(response),
    whenInTurn: () => whenInTurn(response),
    whenOver: (callback) => whenEnded(response, callback),
    pooled: own.pooled && !isHttp2,
    // Everything that the streams of an HTTP/2 session hold counts together, and Node refuses
    // further streams at 10 MB: a dozen large pieces that no client reads.
    maxPiece: isHttp2 ? smallSize : undefined,
  }
}

/** As `whenOver`, and calls back at once if the response is over already. */
function whenEnded(response: NodeResponse, callback: () => void): () => void {
  if (!isGone(response)) return whenOver(response, callback)
  callback()
  return () => {}
}

/** Whether the client has a tag. A response for tests may lack its request. */
function isTagged(request: { readonly headers?: object } | undefined): boolean {
  return request?.headers !== undefined && 'if-none-match' in request.headers
}
