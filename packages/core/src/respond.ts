import { type Body, lend } from './delivery/lend.ts'
import { smallSize } from './delivery/pool.ts'
import type { Servable } from './open.ts'
import type { SendOptions } from './options.ts'
import { prepare, type ServerRequest } from './prepare.ts'
import type { ResponsePlan } from './semantics/plan.ts'

/**
 * A response for a framework to send, such as Fastify's `reply` or the constructor of `Response`.
 *
 * @template Value of a field: a list, for several field lines, only if the options may hold one
 */
export interface RangeResponse<Value extends string | string[] = string> {
  readonly status: ResponsePlan['status']
  readonly headers: Record<string, Value>
  /** Up to 64 KiB as a Buffer, more as a Readable; `undefined` if the response has no content. */
  readonly body: Body
}

/**
 * Makes the response to a request for a source, for any framework to send.
 *
 * A Readable body must be read to its end or destroyed, which closes the source. It is destroyed with
 * an error if the source fails or runs short: the connection must not end cleanly then.
 *
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError with `status` and `code`, by rejecting
 *
 * @example
 * const { status, headers, body } = await respond(request, '/srv/clip.mp4')
 */
export function respond(
  request: ServerRequest,
  servable: Servable,
  options?: SendOptions & { readonly headers?: Readonly<Record<string, string>> | undefined },
): Promise<RangeResponse>
export function respond(
  request: ServerRequest,
  servable: Servable,
  options?: SendOptions,
): Promise<RangeResponse<string | string[]>>
export function respond(
  request: ServerRequest,
  servable: Servable,
  options: SendOptions = {},
): Promise<RangeResponse<string | string[]>> {
  const context = { set: () => undefined, inTurn: true, pooled: false, maxPiece: smallSize }
  return prepare(request, servable, options, context).then(async (prepared) => {
    const { body } = await lend(prepared, { signal: options.signal })
    const { status, headers } = prepared.plan
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- frameworks change no lists
    return { status, headers: headers as Record<string, string | string[]>, body }
  })
}
