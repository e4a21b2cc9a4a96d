import http, { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'
import { isSlowToTouch } from './beside.ts'

/**
 * Makes an HTTP server for an Express application on which each request costs about half, on Node 20
 * and 22.
 *
 * Express gives every request and response another prototype, which makes all that `node:http` then
 * does with them slow there. Here they are made with the application's own `app.request` and
 * `app.response` as prototypes, so that there is nothing to change. Everything else is as with
 * `app.listen`. From Node 24 on that costs nothing any more, and this is `http.createServer`.
 *
 * @param options those of `http.createServer`; an `IncomingMessage` or `ServerResponse` among them is
 *   used as it is, at the usual cost
 *
 * @example
 * createServer(app).listen(3000)
 */
export function createServer(app: Express, options: http.ServerOptions = {}): http.Server {
  if (!isSlowToTouch) return http.createServer(options, app)
  const classes = {
    IncomingMessage: withPrototype(IncomingMessage, app.request),
    ServerResponse: withPrototype(ServerResponse, app.response),
  }
  if (options.IncomingMessage) classes.IncomingMessage = options.IncomingMessage
  if (options.ServerResponse) classes.ServerResponse = options.ServerResponse
  return http.createServer({ ...options, ...classes }, app)
}

/**
 * A constructor that makes what `base` makes, with another prototype, which inherits from its own.
 *
 * Node's constructors are functions that can be called on an object. `Reflect.construct`, which takes
 * classes too, costs more than there is to gain; should they become classes, `base` itself serves.
 */
function withPrototype<T extends new (...args: never[]) => object>(base: T, prototype: object): T
function withPrototype(base: Function, prototype: object): Function {
  if (/^class\b/.test(Function.prototype.toString.call(base))) return base
  function Constructor(this: object, first: unknown, second: unknown): void {
    base.call(this, first, second)
  }
  Constructor.prototype = prototype
  return Constructor
}
