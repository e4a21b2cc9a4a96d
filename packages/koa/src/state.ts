// The state of a response, in one property of its context: each further property costs a copy of all.

import type Application from 'koa'
import type { Middleware, ParameterizedContext as Context } from 'koa'
import type { SendOptions, Servable } from '@range-serve/core'
import { OwnMethod, type RangeServeOptions } from '@range-serve/core/adapter'
import type { Applied } from './applied.ts'
import type { Sending } from './sending.ts'

export interface State {
  /** The options of the last `rangeServe` on the way of the request. */
  options: RangeServeOptions | undefined
  /** No middleware is outside of this one: no other code sees the body afterwards. */
  isOutermost: boolean
  /** The last call of `sendRange`. */
  pending: Sending | undefined
  /** The arguments of that call, if the source can be opened again. */
  sent: { readonly source: Servable; readonly options: SendOptions } | undefined
  /** The last response that the context was given. */
  applied: Applied | undefined
  /** The last error that was reported. */
  reported: unknown
}

const key: unique symbol = Symbol('range-serve')
/** Koa's own context: middleware may hand on an object that inherits from it. */
type Known = Context & { [key]?: State }

/** The state of a context; `undefined` if nothing of this package has seen it. */
export function stateOf({ response }: Context): State | undefined {
  return (response.ctx as Known)[key]
}

/** The state of a context; created if there is none. */
export function keepState({ response }: Context, isOutermost = false): State {
  return ((response.ctx as Known)[key] ??= {
    options: undefined,
    isOutermost,
    pending: undefined,
    sent: undefined,
    applied: undefined,
    reported: undefined,
  })
}

/** The members of an application that its types lack. */
interface Internals extends Application {
  readonly handleRequest?: unknown
  readonly compose?: unknown
}

/** What Koa calls when it has a context, and what makes one function of its middleware; Koa 3 has it. */
const own = {
  handleRequest: new OwnMethod('fnMiddleware(ctx).then(handleResponse).catch(onerror)'),
  compose: new OwnMethod('Middleware stack must be an array!'),
}

/**
 * Whether no other code of an application runs after a middleware and before Koa responds. A subclass may
 * have its own `handleRequest`, and Koa 3 takes a `compose` of its own.
 */
export function runsOutermost(app: Application, middleware: Middleware): boolean {
  const { middleware: all, handleRequest, compose }: Internals = app
  return (
    all[0] === middleware &&
    own.handleRequest.is(handleRequest) &&
    (compose === undefined || own.compose.is(compose))
  )
}
