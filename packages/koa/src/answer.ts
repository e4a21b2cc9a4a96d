import type { ParameterizedContext, Response } from 'koa'
import type { Body, ResponsePlan, Transfer } from '@range-serve/core'
import { applyFields, lend, type Prepared, weaken } from '@range-serve/core/adapter'

/**
 * Makes a prepared response Koa's: body, status and fields. `finished` resolves when it is over.
 *
 * @throws the source's error, by rejecting, if it fails before anything is sent
 */
export async function applyAnswer(
  ctx: ParameterizedContext,
  prepared: Prepared,
  signal?: AbortSignal,
): Promise<{ finished: Promise<Transfer> }> {
  ignoreLeaving(ctx, prepared.transfer)
  const { body, finished } = await lend(prepared, { signal, response: ctx.res })
  applyPlan(ctx, prepared.plan, body)
  return { finished }
}

/** Gives Koa an answer that is decided: its body, its status and its fields. */
export function applyPlan(
  { response, res }: ParameterizedContext,
  plan: ResponsePlan,
  body: Body,
): void {
  // Body first: Koa drops Content-Length when a stream replaces an earlier body.
  response.body = body ?? ''
  response.status = plan.status
  applyFields(res, plan)
  guardTag(response)
}

/** Takes back the fields of an answer, where it is not given after all. */
export function retractPlan({ response }: ParameterizedContext, { headers }: ResponsePlan): void {
  Reflect.deleteProperty(response, 'set')
  for (const name in headers) {
    if (response.get(name) === headers[name]) response.remove(name)
  }
}

/** Takes back the fields of an answer in whose place another has been given. */
export function replacePlan(ctx: ParameterizedContext, plan: ResponsePlan): void {
  retractPlan(ctx, plan)
  const { body } = ctx.response
  // Koa gives a body its Content-Type where there is none, and there was that of the other.
  if (typeof body === 'string' || Buffer.isBuffer(body)) ctx.response.body = body
}

/**
 * Keeps an entity-tag from being taken for that of other bytes. koa-etag tags the bytes that it finds
 * in a body, and would tag a part as if it were the whole. What koa-compress encodes is another
 * selected representation, for which the tag becomes weak (§8.8.3.3).
 */
export function guardTag(response: Response): void {
  const set = response.set.bind(response) as (...args: unknown[]) => void
  const isTagged = response.res.hasHeader('ETag')
  if (response.status !== (isTagged ? 200 : 206)) return
  response.set = (...args: unknown[]) => {
    const [field] = args
    if (typeof field === 'object' && field !== null) {
      for (const [name, value] of Object.entries(field)) response.set(name, value as string)
      return
    }
    const name = String(field).toLowerCase()
    if (name === 'etag' && !isTagged && response.status === 206) return
    set(...args)
    if (name === 'content-encoding' && isTagged) set('ETag', weaken(response.get('ETag')))
  }
}

const leaving = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/** Koa calls it an error when a client leaves, and prints a stack for each seek in a video. */
function ignoreLeaving(ctx: ParameterizedContext, transfer: Transfer): void {
  const report = ctx.onerror.bind(ctx)
  ctx.onerror = (error: NodeJS.ErrnoException) => {
    const hasLeft = ctx.headerSent && leaving.has(error?.code ?? '')
    if (!hasLeft || transfer.error) report(error)
  }
}
