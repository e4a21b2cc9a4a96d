import type { ServerResponse } from 'node:http'

export type Method = (this: ServerResponse, ...args: unknown[]) => unknown

/** The methods by which every response is sent. */
export interface Methods {
  readonly writeHead: Method
  readonly write: Method
  readonly end: Method
}

/**
 * The methods that hooks on `target` call: those it had of its own before it was hooked. Others are
 * looked up on its prototype at each call, since that may be patched at any time.
 */
export function methodsBelow(target: object): Methods
export function methodsBelow(target: object): object {
  const below = {}
  for (const name of ['writeHead', 'write', 'end'] as const) {
    const own = Object.getOwnPropertyDescriptor(target, name)
    Object.defineProperty(
      below,
      name,
      own
        ? { value: Reflect.get(target, name) as unknown }
        : { get: (): Method => Object.getPrototypeOf(target)[name] },
    )
  }
  return below
}

/** The prototype that Express has between its own of a kind and Node's, if an object is Express's. */
export function ownPrototype(object: object, nodes: object): object | undefined {
  let prototype: object = Object.getPrototypeOf(object)
  if (prototype === nodes) return undefined
  for (;;) {
    const parent: object | null = Object.getPrototypeOf(prototype)
    if (parent === nodes) return prototype
    if (parent === null) return undefined
    prototype = parent
  }
}

/** The `writeHead` hooks of the filter. */
const ownHooks = new WeakSet<Function>()

export function declareOwn(hook: Method): void {
  ownHooks.add(hook)
}

/** Whether nothing hooks `writeHead` of a response on top of the filter. */
export function isTopmost(response: ServerResponse): boolean {
  return ownHooks.has(Reflect.get(response, 'writeHead'))
}

/** Sets what `writeHead(status, reason)` would write. */
export function setStatus(response: ServerResponse, [status, reason]: unknown[]): void {
  Object.assign(response, { statusCode: status })
  if (typeof reason === 'string') response.statusMessage = reason
}
