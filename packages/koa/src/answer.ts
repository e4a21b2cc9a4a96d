import { Readable } from 'node:stream'
import type { ParameterizedContext, Response } from 'koa'
import type { Body, ResponsePlan, Transfer } from '@range-serve/core'
import {
  type Answer,
  callsBack,
  Cancellation,
  cutOff,
  isGone,
  isSent,
  isStale,
  smallBuffers,
  toBody,
  toError,
  weaken,
  whenAborted,
  whenInTurn,
  whenOver,
} from '@range-serve/core/adapter'

/**
 * Makes an answer Koa's: body, status and fields. `finished` resolves when the answer is over.
 *
 * @throws the source's error, by rejecting, where it fails before anything is sent
 */
export async function applyAnswer(
  ctx: ParameterizedContext,
  answer: Answer,
  signal?: AbortSignal,
): Promise<{ finished: Promise<Transfer> }> {
  const { res } = ctx
  const { plan, transfer } = answer
  const cancellation = new Cancellation()
  const cancel = () => {
    cancellation.cancel(signal?.reason)
    if (res.headersSent) cutOff(res)
  }
  if (signal?.aborted === true) cancel()
  const forgetSignal = signal && whenAborted(signal, cancel)
  /** Memory that can be used again, once the body that was read into it is out. */
  let lent: Buffer | undefined
  let body: Body
  const finished = new Promise<Transfer>((resolve) => {
    const end = () => {
      forgetSignal?.()
      const isOurs = isSent(res) && res.statusCode === plan.status && !transfer.error
      if (!isOurs) cancellation.cancel()
      // Only if the very body that we made was sent, and nobody in between could keep it.
      else if (lent && ctx.response.body === body && callsBack(res)) smallBuffers.give(lent)
      resolve(transfer)
      transfer.finish(!isOurs)
    }
    if (isGone(res)) queueMicrotask(end)
    else whenOver(res, end)
  })

  ignoreLeaving(ctx, transfer)
  const turn = whenInTurn(res)
  if (turn) await turn
  try {
    // A slice is of no use to anyone but this client, so its memory is used again; a whole may be
    // kept by who sees it on its way, and has memory of its own.
    ;({ body, lent } = await toBody(answer, cancellation, plan.status === 206))
  } catch (error) {
    // Nobody is there to be told.
    if (isGone(res)) return { finished }
    transfer.error = toError(error)
    throw error
  }
  // Koa 2 leaves a connection open whose body has failed, and the client waiting for the rest.
  if (body instanceof Readable) body.once('error', () => cutOff(res))
  applyPlan(ctx, plan, body)
  return { finished }
}

/** Gives Koa an answer that is decided: its body, its status and its fields. */
export function applyPlan(
  { response, res }: ParameterizedContext,
  plan: ResponsePlan,
  body: Body,
): void {
  const { status, headers } = plan
  // Body first: Koa drops Content-Length when a stream replaces an earlier body.
  response.body = body ?? ''
  for (const name of res.getHeaderNames()) {
    if (isStale(plan, name)) response.remove(name)
  }
  response.status = status
  for (const name in headers) {
    const value = headers[name] as string | string[]
    if (res.getHeader(name) !== value) response.set(name, value)
  }
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
