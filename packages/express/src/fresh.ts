// `req.fresh`, by which `res.send` responds with a 304 before the filter sees anything: behind
// `rangeServe` it is our evaluation of the preconditions.

import { IncomingMessage, type ServerResponse } from 'node:http'
import { type FieldLookup, isUnpatched } from '@range-serve/core/adapter'
import { evaluatePassing, parseContentLength } from '@range-serve/core/filter'
import { strongTag } from './hash-tag.ts'
import { ownPrototype } from './methods.ts'
import { type Watch, watches } from './watch.ts'

/** The fields of a 304 that follows from `req.fresh`. */
export interface NotModified {
  /** The ETag field that was evaluated. */
  readonly before: string | undefined
  readonly etag: string | undefined
  readonly length: number
}

/** Prototypes that have the getter. */
const hooked = new WeakSet<object>()
/** The prototype of the last request, whose own prototype has it: most requests are of one application. */
let hookedLast: unknown

/** Puts the getter on the prototype that Express has between its requests and Node's, once. */
export function hookFresh(request: IncomingMessage): void {
  const kind: unknown = Object.getPrototypeOf(request)
  if (kind === hookedLast) return
  hookedLast = kind
  const prototype = ownPrototype(request, IncomingMessage.prototype)
  if (!prototype || hooked.has(prototype)) return
  hooked.add(prototype)
  const original = Object.getOwnPropertyDescriptor(prototype, 'fresh')
  if (!original?.get || original.configurable !== true) return
  Object.defineProperty(prototype, 'fresh', {
    ...original,
    get(this: IncomingMessage & { readonly res?: ServerResponse }): unknown {
      const watch = this.res && watches.get(this.res)
      if (!watch || watch.mode === 'off') return original.get!.call(this)
      return watch.mode === 'filter' && isFresh(this.res, watch)
    },
  })
}

function isFresh(response: ServerResponse, watch: Watch): boolean {
  watch.notModified = undefined
  const { statusCode: status } = response
  if ((status < 200 || status >= 300) && status !== 304) return false
  const field: FieldLookup = (name) => response.getHeader(name)
  const length = parseContentLength(field('content-length'))
  const strong = strongTag(field, length)
  const content = strong === undefined ? {} : { etag: strong }
  const isEncodable = !isUnpatched(response)
  const known = evaluatePassing(watch.request, field, content, { isEncodable })
  if (!known) return false
  const before = field('etag')
  watch.notModified = {
    before: typeof before === 'string' ? before : undefined,
    etag: known.etag,
    length: length ?? 0,
  }
  return true
}
