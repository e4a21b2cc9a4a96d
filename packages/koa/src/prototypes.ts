// What is hooked of Koa, once for each application: on the prototypes of its contexts and responses. A
// closure on each of them costs V8 a map of its own, which keeps the response until the old generation
// is collected.

import type { ParameterizedContext as Context, Response } from 'koa'
import { stateOf } from './state.ts'

const leaving = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

interface Accessor {
  get(this: Response): unknown
  set(this: Response, value: unknown): void
}

/** Koa's own accessor of the bodies of responses, by the prototype that has ours. */
const bodies = new WeakMap<object, Accessor>()
/** The prototypes of contexts that have our `onerror`. */
const contexts = new WeakSet<object>()

/** Watches the bodies and errors of the application that a context belongs to. */
export function watchApplication(ctx: Context): void {
  const responses = Object.getPrototypeOf(ctx.response) as object
  if (!bodies.has(responses)) hookBody(responses)
  const prototype = Object.getPrototypeOf(ctx) as object
  if (contexts.has(prototype)) return
  contexts.add(prototype)
  hookErrors(prototype)
}

/** The body that Koa has. */
export function getBody(response: Response): unknown {
  const own = bodies.get(Object.getPrototypeOf(response) as object)
  return own ? own.get.call(response) : response.body
}

/** Gives Koa a body, past our accessor. */
export function setBody(response: Response, body: unknown): void {
  const own = bodies.get(Object.getPrototypeOf(response) as object)
  if (own) own.set.call(response, body)
  else response.body = body
}

/** Makes a body that is deferred when it is looked at, and takes a response back that gets another. */
function hookBody(prototype: object): void {
  const own = Object.getOwnPropertyDescriptor(prototype, 'body')
  const parent = Object.getPrototypeOf(prototype) as object
  const below: Accessor = {
    get() {
      return own?.get ? (own.get.call(this) as unknown) : Reflect.get(parent, 'body', this)
    },
    set(value) {
      if (own?.set) own.set.call(this, value)
      else Reflect.set(parent, 'body', value, this)
    },
  }
  bodies.set(prototype, below)
  Object.defineProperty(prototype, 'body', {
    configurable: true,
    enumerable: true,
    get(this: Response): unknown {
      appliedOf(this)?.makeBody()
      return below.get.call(this)
    },
    set(this: Response, value: unknown) {
      appliedOf(this)?.noteBody(value)
      below.set.call(this, value)
    },
  })
}

/** The response that is applied to one of Koa's; other objects may borrow its accessor. */
function appliedOf(response: Partial<Response>) {
  const { ctx } = response
  const applied = ctx && stateOf(ctx)?.applied
  return applied?.isTakenBack === false && ctx?.response === response ? applied : undefined
}

/**
 * Koa reports it as an error when a client leaves, with a stack for each seek in a video; and Koa 2
 * reports the error of a stream a second time if it ends the stream that reads it.
 */
function hookErrors(prototype: object): void {
  const own = Object.getOwnPropertyDescriptor(prototype, 'onerror')
  const parent = Object.getPrototypeOf(prototype) as object
  function onerror(this: Context, error: NodeJS.ErrnoException): void {
    const state = stateOf(this)
    if (state?.applied) {
      const { isTakenBack, transfer } = state.applied
      const hasLeft = this.headerSent && leaving.has(error?.code ?? '')
      if (hasLeft && !transfer.error && !isTakenBack) return
      if (error && error === state.reported) return
      state.reported = error
    }
    const report: unknown = own?.value ?? Reflect.get(parent, 'onerror', this)
    Reflect.apply(report as (error: Error) => void, this, [error])
  }
  Object.defineProperty(prototype, 'onerror', {
    configurable: true,
    enumerable: true,
    writable: true,
    value: onerror,
  })
}
