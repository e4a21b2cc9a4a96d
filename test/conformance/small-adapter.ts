import type { ResponsePlan, SendOptions, Servable, Transfer } from '@range-serve/core'
import { applyFields, contextOf, lend, prepare } from '@range-serve/core/adapter'
import { Cut, planPassing } from '@range-serve/core/filter'
import type { Context } from './small-framework.ts'

/** Responds with a source. Resolves once the response is decided. */
export async function sendRange(
  context: Context,
  source: Servable,
  options: SendOptions = {},
): Promise<{ readonly finished: Promise<Transfer> }> {
  const { request, response, fields } = context
  // Fields that are already set count as the caller's; bytes that the framework gets are not pooled.
  const known = {
    ...contextOf(response, { pooled: false }),
    set: (name: string) => fields.get(name),
  }
  const prepared = await prepare(request, source, options, known)
  const { body, finished } = await lend(prepared, { response, signal: options.signal })
  apply(context, prepared.plan, body)
  return { finished }
}

/** The filter: makes a body that the handlers have set range-aware. */
export function filter(context: Context): void {
  const { request, fields, body, status } = context
  if (status !== 200 || !Buffer.isBuffer(body)) return
  const plan = planPassing(request, (name) => fields.get(name), { length: body.length }, {})
  if (!plan) return
  const pieces = new Cut(plan.body).push(body)
  apply(context, plan, pieces.length > 0 ? Buffer.concat(pieces) : undefined)
}

/** Applies a plan: its status, and its fields over those that are set. */
function apply(context: Context, plan: ResponsePlan, body: Context['body']): void {
  const { fields } = context
  applyFields(
    {
      getHeader: (name) => fields.get(name.toLowerCase()),
      getHeaders: () => Object.fromEntries(fields),
      setHeader: (name, value) => fields.set(name.toLowerCase(), value as string),
      removeHeader: (name) => fields.delete(name),
    },
    plan,
  )
  Object.assign(context, { status: plan.status, body })
}
