// Where the filter hooks in.
//
// To touch a response costs in Express: each has a prototype of its own making, and so nothing that
// V8 learned from the one before; a property more costs the most. So the hooks and `sendRange` are on
// `express.response`, once, and what there is to know of a response is kept beside it. Where somebody
// has patched a response before, the hooks go on top of that, on the response itself, so that they see
// it as the handler does.

import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import {
  declareTransparent,
  isConditional,
  isObserved,
  isUnpatched,
  type RangeServeOptions,
  writeThrough,
} from '@range-serve/core/adapter'
import { Filter, setAcceptRanges } from './filter.ts'

export type Method = (this: ServerResponse, ...args: unknown[]) => unknown

/** The methods through which every answer goes. */
export interface Methods {
  readonly writeHead: Method
  readonly write: Method
  readonly end: Method
}

/** What there is to know of a response that `rangeServe` has seen. */
class Watch {
  /** The hooks that see to it: those on the prototype, or its own. */
  readonly layer: object
  readonly options: RangeServeOptions
  readonly mode: 'off' | 'whole' | 'filter'
  /** What the last `rangeServe` was told. */
  sendOptions: RangeServeOptions
  /** It is range-aware of its own. */
  bypassed = false
  filter: Filter | undefined
  sources: Readable[] | undefined

  constructor(layer: object, options: RangeServeOptions, mode: Watch['mode']) {
    this.layer = layer
    this.options = options
    this.sendOptions = options
    this.mode = mode
  }
}

const watches = new WeakMap<object, Watch>()

/**
 * Makes whatever this response will be range-aware, if it can be; a second time changes nothing but
 * the options of `sendRange`.
 *
 * @param sendRange the method that responses get
 */
export function watchResponse(
  request: IncomingMessage,
  response: ServerResponse,
  options: RangeServeOptions,
  sendRange: Method,
): void {
  const watch = watches.get(response)
  if (watch && watch.mode !== 'off') {
    watch.sendOptions = options
    return
  }
  const mode = modeOf(request, options)
  watches.set(response, new Watch(layerOf(response, sendRange), options, mode))
  if (mode === 'filter') response.on('pipe', noteSource)
}

/** What a response's `sendRange` was told by `rangeServe`. */
export function sendOptionsOf(response: ServerResponse): RangeServeOptions {
  return watches.get(response)?.sendOptions ?? {}
}

/** Lets an answer pass that is range-aware of its own; gives back the means to undo that. */
export function bypassFilter(response: ServerResponse): () => void {
  const state = watches.get(response)
  if (!state) return () => {}
  state.bypassed = true
  return () => {
    state.bypassed = false
  }
}

function modeOf(request: IncomingMessage, options: RangeServeOptions): Watch['mode'] {
  const { method } = request
  if (options.acceptRanges === false || (method !== 'GET' && method !== 'HEAD')) return 'off'
  return isConditional(request) || isObserved(options) ? 'filter' : 'whole'
}

function noteSource(this: ServerResponse, source: Readable): void {
  const state = watches.get(this)!
  if (state.sources) {
    state.sources.push(source)
  } else {
    state.sources = [source]
    this.on('unpipe', forgetSource)
  }
  state.filter?.notePipe(source)
}

function forgetSource(this: ServerResponse, source: Readable): void {
  const state = watches.get(this)!
  state.sources = state.sources?.filter((each) => each !== source)
}

/** Prototypes that have the hooks. */
const layers = new WeakMap<object, object>()

function layerOf(response: ServerResponse, sendRange: Method): object {
  const isPatched =
    Object.hasOwn(response, 'writeHead') ||
    Object.hasOwn(response, 'write') ||
    Object.hasOwn(response, 'end')
  const prototype = isPatched ? undefined : ownPrototype(response)
  if (!prototype) return install(response, sendRange)
  let layer = layers.get(prototype)
  if (!layer) {
    layer = install(prototype as Methods, sendRange)
    layers.set(prototype, layer)
  }
  return layer
}

/** The prototype that Express has between its responses and Node's, where the response is Express's. */
function ownPrototype(response: ServerResponse): object | undefined {
  let prototype = Object.getPrototypeOf(response) as object
  if (prototype === ServerResponse.prototype) return undefined
  for (;;) {
    const parent = Object.getPrototypeOf(prototype) as object | null
    if (parent === ServerResponse.prototype) return prototype
    if (parent === null) return undefined
    prototype = parent
  }
}

/** Puts the hooks on top of the methods that an object has. */
function install(target: Methods | ServerResponse, sendRange: Method): object {
  const layer = {}
  const mayEncode = !isUnpatched(target)
  const { writeHead, write, end } = target as Methods
  const methods: Methods = { writeHead, write, end }

  /** The filter of a response, unless there is nothing for it to do here. */
  function filterOf(response: ServerResponse): Filter | undefined {
    const state = watches.get(response)
    if (!state || state.layer !== layer || state.bypassed || state.mode !== 'filter') {
      return undefined
    }
    state.filter ??= new Filter(response, methods, state.options, () => state.sources ?? [])
    return state.filter
  }

  const hooks: Methods = {
    writeHead(...args) {
      const state = watches.get(this)
      if (!state || state.layer !== layer || state.bypassed || state.mode === 'off') {
        return writeHead.apply(this, args)
      }
      if (state.mode === 'filter') args = filterOf(this)!.decide(args)
      else if (Number(args[0]) === 200) args = setAcceptRanges(this, args)
      const pass = () => writeHead.apply(this, args)
      try {
        return mayEncode ? writeThrough(this, pass) : pass()
      } catch (error) {
        state.filter?.undecide()
        throw error
      }
    },
    write(...args) {
      const filter = filterOf(this)
      return filter ? filter.write(args) : write.apply(this, args)
    },
    end(...args) {
      const filter = filterOf(this)
      return filter ? filter.end(args) : end.apply(this, args)
    },
  }
  if (!mayEncode) {
    declareTransparent(hooks.write, () => write)
    declareTransparent(hooks.end, () => end)
  }
  Object.assign(target, hooks, { sendRange })
  return layer
}
