// What is known of a response that `rangeServe` has seen; it is kept beside the response.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isConditional, isObserved, type RangeServeOptions } from '@range-serve/core/adapter'
import { Filter } from './filter.ts'
import type { NotModified } from './fresh.ts'
import type { Methods } from './methods.ts'
import type { PipedFile } from './piped-file.ts'
import { PipedSources } from './sources.ts'

export class Watch {
  readonly request: IncomingMessage
  /** The hooks that filter it: those on the prototype, or its own. */
  readonly layer: object
  readonly options: RangeServeOptions
  readonly mode: 'off' | 'whole' | 'filter'
  /** The options of the last `rangeServe`. */
  sendOptions: RangeServeOptions
  /** The response is range-aware of its own. */
  bypassed = false
  /** Something has been piped into it. */
  hasPipes = false
  sources: PipedSources | undefined
  /** What `req.fresh` has found, if it was true. */
  notModified: NotModified | undefined
  /** The file stream that is piped into it, if that is all. */
  file: PipedFile | undefined
  #filter: Filter | undefined

  constructor(request: IncomingMessage, layer: object, options: RangeServeOptions) {
    this.request = request
    this.layer = layer
    this.options = options
    this.sendOptions = options
    this.mode = modeOf(request, options)
  }

  filterOf(response: ServerResponse, below: Methods): Filter {
    this.sources ??= new PipedSources(response)
    this.#filter ??= new Filter(this.request, response, below, this.options, this.sources)
    return this.#filter
  }
}

export const watches: WeakMap<object, Watch> = new WeakMap()

function modeOf(request: IncomingMessage, options: RangeServeOptions): Watch['mode'] {
  const { method } = request
  if (options.acceptRanges === false || (method !== 'GET' && method !== 'HEAD')) return 'off'
  // For a HEAD it matters whether `end` is given content.
  const isPlain = method === 'GET' && !isConditional(request) && !isObserved(options)
  return isPlain ? 'whole' : 'filter'
}
