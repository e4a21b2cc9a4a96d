// The hooks into Koa, once for each application: on the prototypes of its contexts and responses. A
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

/** The objects that have our accessor of bodies. */
const bodies = new WeakSet<object>()
/** The objects that have our `onerror`. */
const contexts = new WeakSet<object>()

/** Watches the bodies and errors of the application that a context belongs to. */
export function watchApplication({ response }: Context): void {
  const holder = holderOf(response, 'body')
  if (!bodies.has(holder)) {
    bodies.add(holder)
    hookBody(holder)
  }
  const errors = holderOf(response.ctx, 'onerror')
  if (contexts.has(errors)) return
  contexts.add(errors)
  hookErrors(errors)
}

/** What is hooked: the prototype, unless other code has put a member of its own on this object. */
function holderOf(object: object, name: string): object {
  return Object.hasOwn(object, name) ? object : Object.getPrototypeOf(object)
}

/** The body that Koa has. */
export function getBody(response: Response): unknown {
  return pastHooks(response, () => response.body)
}

/** Sets Koa's body, past our accessor. */
export function setBody(response: Response, body: unknown): void {
  pastHooks(response, () => {
    response.body = body
  })
}

/** The response or context that a hook is passing on: a prototype of its prototype may be hooked, too. */
let passing: object | undefined

/** Calls back with no hook of ours in effect on an object. */
function pastHooks<T>(object: object, callback: () => T): T {
  const outer = passing
  passing = object
  try {
    return callback()
  } finally {
    passing = outer
  }
}

/** Creates a deferred body when it is read, and takes a response back when another body is set. */
function hookBody(holder: object): void {
  const own = Object.getOwnPropertyDescriptor(holder, 'body')
  const parent: object = Object.getPrototypeOf(holder)
  const get = (response: Response): unknown =>
    own?.get ? own.get.call(response) : Reflect.get(parent, 'body', response)
  const set = (response: Response, value: unknown): void => {
    if (own?.set) own.set.call(response, value)
    else Reflect.set(parent, 'body', value, response)
  }
  Object.defineProperty(holder, 'body', {
    configurable: true,
    enumerable: true,
    get(this: Response): unknown {
      const applied = appliedOf(this)
      if (!applied) return get(this)
      applied.makeBody()
      return pastHooks(this, () => get(this))
    },
    set(this: Response, value: unknown) {
      const applied = appliedOf(this)
      if (!applied) {
        set(this, value)
        return
      }
      applied.noteBody(value)
      pastHooks(this, () => set(this, value))
    },
  })
}

/**
 * The response that is applied to one of Koa's, unless a hook is passing it on; other objects may borrow
 * its accessor.
 */
function appliedOf(response: Partial<Response>) {
  if (passing === response) return undefined
  const { ctx } = response
  const applied = ctx?.response === response ? stateOf(ctx)?.applied : undefined
  return applied?.isTakenBack === false ? applied : undefined
}

/**
 * Koa reports it as an error when a client leaves, with a stack for each seek in a video; and Koa 2
 * reports the error of a stream a second time if it ends the stream that reads it.
 */
function hookErrors(holder: object): void {
  const own = Object.getOwnPropertyDescriptor(holder, 'onerror')
  const parent: object = Object.getPrototypeOf(holder)
  function onerror(this: Context, error: NodeJS.ErrnoException): void {
    const state = passing === this ? undefined : stateOf(this)
    if (state?.applied) {
      const { isTakenBack, transfer } = state.applied
      const hasLeft = this.headerSent && leaving.has(error?.code ?? '')
      if (hasLeft && !transfer.error && !isTakenBack) return
      if (error && error === state.reported) return
      state.reported = error
    }
    const report: Function = own?.value ?? Reflect.get(parent, 'onerror', this)
    pastHooks(this, () => Reflect.apply(report, this, [error]))
  }
  Object.defineProperty(holder, 'onerror', {
    configurable: true,
    enumerable: true,
    writable: true,
    value: onerror,
  })
}
