import type { ServerResponse } from 'node:http'

export type Method = (this: ServerResponse, ...args: unknown[]) => unknown

/** The methods by which every response is sent, and is listened to. */
export interface Methods {
  readonly writeHead: Method
  readonly write: Method
  readonly end: Method
  readonly on: Method
}

/**
 * The methods that hooks on an object call: those it had of its own before it was hooked. Others are
 * looked up on its prototype at each call, since that may be patched at any time.
 */
export class MethodsBelow implements Methods {
  readonly #target: object
  readonly #own: Own

  constructor(target: object) {
    this.#target = target
    this.#own = ownMethods(target)
  }

  get writeHead(): Method {
    return this.#own.writeHead ?? this.#inherited.writeHead
  }

  get write(): Method {
    return this.#own.write ?? this.#inherited.write
  }

  get end(): Method {
    return this.#own.end ?? this.#inherited.end
  }

  get on(): Method {
    return this.#own.on ?? this.#inherited.on
  }

  get #inherited(): Methods {
    return Object.getPrototypeOf(this.#target)
  }
}

type Own = { readonly [name in keyof Methods]: Method | undefined }

function ownMethods(target: Partial<Methods>): Own {
  const own = (name: keyof Methods) => (Object.hasOwn(target, name) ? target[name] : undefined)
  return { writeHead: own('writeHead'), write: own('write'), end: own('end'), on: own('on') }
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
