import type { ResponsePlan, SendOptions, Servable, Transfer } from '@range-serve/core'
import { applyFields, contextOf, lend, planPassing, prepare } from '@range-serve/core/adapter'
import type { Context } from './small-framework.ts'

/** The verb: responds with a source. Resolves once that is decided. */
export async function sendRange(
  context: Context,
  source: Servable,
  options: SendOptions = {},
): Promise<{ readonly finished: Promise<Transfer> }> {
  const { request, response, fields } = context
  // The fields that are set already are the caller's word; memory that the framework sees is its own.
  const known = {
    ...contextOf(response, { pooled: false }),
    set: (name: string) => fields.get(name),
  }
  const prepared = await prepare(request, source, options, known)
  const { body, finished } = await lend(prepared, { response, signal: options.signal })
  apply(context, prepared.plan, body)
  return { finished }
}

/** The filter: makes range-aware what the handlers have left. */
export function filter(context: Context): void {
  const { request, fields, body, status } = context
  if (status !== 200 || !Buffer.isBuffer(body)) return
  const plan = planPassing(request, (name) => fields.get(name), { length: body.length }, {})
  if (!plan) return
  const pieces = plan.body.map((segment) =>
    segment instanceof Uint8Array ? segment : body.subarray(segment.firstPos, segment.lastPos + 1),
  )
  apply(context, plan, pieces.length > 0 ? Buffer.concat(pieces) : undefined)
}

/** The fields of a plan over those that are set, less those that its status must not have. */
function apply(context: Context, plan: ResponsePlan, body: Context['body']): void {
  const { fields } = context
  applyFields(
    {
      getHeader: (name) => fields.get(name.toLowerCase()),
      getHeaderNames: () => [...fields.keys()],
      setHeader: (name, value) => fields.set(name.toLowerCase(), value as string),
      removeHeader: (name) => fields.delete(name),
    },
    plan,
  )
  Object.assign(context, { status: plan.status, body })
}
