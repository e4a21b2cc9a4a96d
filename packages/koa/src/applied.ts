// A response that Koa has been given: body, status and fields, until other code replaces it.

import { Readable } from 'node:stream'
import type { ParameterizedContext, Response } from 'koa'
import type { ResponsePlan, Transfer } from '@range-serve/core'
import { applyFields, type defer, type FieldLookup, type Prepared } from '@range-serve/core/adapter'
import { guardTag } from './encoding.ts'
import { getBody, setBody } from './prototypes.ts'

type Lent = ReturnType<typeof defer>
type FieldValue = ReturnType<FieldLookup>
/** By lower-case names. */
type Fields = Readonly<Record<string, FieldValue>>

/** A response that has been given to Koa, until another replaces it. */
export class Applied {
  readonly plan: ResponsePlan
  readonly transfer: Transfer
  /** The status that was set before, if one was. */
  readonly statusBefore: number | undefined
  readonly #response: Response
  /** Whether Koa has the body: one that is deferred is made when other code looks at it. */
  #isMade: boolean
  readonly #lent: Lent
  readonly #before: Fields
  readonly #after: Fields
  #isTakenBack = false
  /** Whether Koa sends another body that is made of this one. */
  #isWrapped = false

  constructor(
    { response }: ParameterizedContext,
    prepared: Pick<Prepared, 'plan' | 'transfer'>,
    lent: Lent,
  ) {
    const { plan, transfer } = prepared
    this.plan = plan
    this.transfer = transfer
    this.statusBefore = statusSaid(response)
    this.#response = response
    this.#lent = lent
    this.#before = response.res.getHeaders()
    // Body first: Koa drops Content-Length when a stream replaces an earlier body.
    this.#isMade = !lent.deliver
    if (this.#isMade) setBody(response, lent.body ?? '')
    response.status = plan.status
    applyFields(response.res, plan)
    this.#after = response.res.getHeaders()
    guardTag(response)
  }

  /** What a field was before, unless other code has set it since. */
  fieldBefore(name: string): FieldValue {
    const now = this.#response.res.getHeader(name)
    return !this.#isTakenBack && isSame(now, this.#after[name]) ? this.#before[name] : now
  }

  /** Whether another response has replaced it. */
  get isTakenBack(): boolean {
    return this.#isTakenBack
  }

  /**
   * Whether another status was set since, over the body that was given. A 304, as koa-conditional-get
   * makes of a 200, is still about what was planned.
   */
  get isRestated(): boolean {
    const { status, res } = this.#response
    if (this.#isTakenBack || this.#isWrapped || res.headersSent || res.writableEnded) return false
    return status !== this.plan.status && status !== 304
  }

  /** Takes back exactly what was set: what other code has set since is left alone. */
  takeBack(): void {
    if (this.#isTakenBack) return
    this.#isTakenBack = true
    const response = this.#response
    const { res } = response
    Reflect.deleteProperty(response, 'set')
    this.#lent.withdraw()
    if (res.headersSent) return
    for (const name of new Set([...Object.keys(this.#before), ...Object.keys(this.#after)])) {
      const before = this.#before[name]
      const after = this.#after[name]
      if (isSame(before, after) || !isSame(res.getHeader(name), after)) continue
      if (before === undefined) res.removeHeader(name)
      else res.setHeader(name, before)
    }
    // What Koa makes the status of a body unless another was set.
    if (response.status === this.plan.status) response.status = this.statusBefore ?? 200
  }

  /** Delivers it past Koa; `undefined` if it has changed, or Koa must send it. */
  deliver(): Promise<void> | undefined {
    if (this.#isTakenBack || this.#response.status !== this.plan.status) return undefined
    return this.#lent.deliver?.()
  }

  /** Called with another body of Koa's: takes the response back, unless that body is made of this one. */
  noteBody(body: unknown): void {
    if (!this.#keeps(body)) this.takeBack()
    this.#isWrapped = true
  }

  /** Gives Koa the body that was deferred, as other code looks at it; the fields stay those of the plan. */
  makeBody(): void {
    if (this.#isMade) return
    this.#isMade = true
    const response = this.#response
    const { res } = response
    const fields = res.getHeaders()
    setBody(response, this.#lent.body)
    if (res.headersSent) return
    // Koa takes a stream for bytes of unknown length.
    for (const name of ['content-type', 'content-length']) {
      const value = fields[name]
      if (value === undefined) res.removeHeader(name)
      else res.setHeader(name, value)
    }
  }

  #body(): unknown {
    this.makeBody()
    return getBody(this.#response)
  }

  /** Whether the fields still hold for a body. */
  #keeps(value: unknown): boolean {
    const response = this.#response
    // A 304 is about the same representation.
    if (value === undefined || value === null) return response.status === 304
    if (value === this.#body()) return true
    // An encoding of it, made of our body by middleware that compresses.
    if (!isSame(response.res.getHeader('content-encoding'), this.#after['content-encoding'])) {
      return true
    }
    // A stream that reads ours, such as one that paces it.
    const { body } = this.#lent
    return body instanceof Readable && isRead(body) && isPipe(value)
  }
}

/** Koa's status is 404 until another is set; this flag is set only then. */
export function statusSaid(response: Response): number | undefined {
  const { _explicitStatus: isSaid }: Response & { _explicitStatus?: boolean } = response
  return isSaid === true ? response.status : undefined
}

function isSame(one: FieldValue, other: FieldValue): boolean {
  return one === other || (Array.isArray(one) && String(one) === String(other))
}

function isRead(stream: Readable): boolean {
  return stream.readableFlowing !== null || stream.listenerCount('readable') > 0
}

function isPipe(value: { readonly pipe?: unknown }): boolean {
  return typeof value.pipe === 'function'
}
