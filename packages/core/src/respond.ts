import { Readable } from 'node:stream'
import { prepareAnswer, type ServerRequest } from './prepare.ts'
import { toError } from './errors.ts'
import { type Body, toBody } from './delivery/lend.ts'
import { Cancellation, whenAborted } from './delivery/cancellation.ts'
import type { Servable } from './open.ts'
import type { SendOptions } from './options.ts'
import type { ResponseFields } from './semantics/fields.ts'
import type { ResponsePlan } from './semantics/plan.ts'

/** An answer for a framework to send. */
export interface RangeResponse {
  readonly status: ResponsePlan['status']
  readonly headers: ResponseFields
  /** Up to 64 KiB as a Buffer, more as a Readable; `undefined` where the answer has no content. */
  readonly body: Body
}

/**
 * Answers a request with a source, for any framework: what to send, and nothing sent.
 *
 * A Readable body must be read to its end or destroyed, which releases the source. It is destroyed
 * with an error where the source fails or runs short: the connection must not end cleanly then.
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
  options: SendOptions = {},
): Promise<RangeResponse> {
  const { signal } = options
  const answer = prepareAnswer(request, servable, options, () => ({}), true)
  return answer.then(async (decided) => {
    const { plan, transfer } = decided
    const cancellation = new Cancellation()
    const cancel = () => cancellation.cancel(signal?.reason)
    if (signal?.aborted === true) cancel()
    const forgetSignal = signal && whenAborted(signal, cancel)
    const finish = (aborted: boolean) => {
      forgetSignal?.()
      transfer.finish(aborted)
    }
    const { body } = await toBody(decided, cancellation, false).catch((error: unknown) => {
      transfer.error = toError(error)
      finish(true)
      throw error
    })
    if (body instanceof Readable) {
      body.once('close', () => finish(!body.readableEnded))
      // What goes wrong before anybody reads, whoever reads then will see.
      body.on('error', () => {})
    } else {
      finish(false)
    }
    return { status: plan.status, headers: plan.headers, body }
  })
}
