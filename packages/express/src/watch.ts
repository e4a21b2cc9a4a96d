// The state of a response that `rangeServe` has seen, kept beside the response.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RangeServeOptions } from '@range-serve/core/adapter'
import { isConditional, isObserved } from '@range-serve/core/filter'
import { Beside, isSlowToTouch } from './beside.ts'
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
  /** Listens to 'pipe'. */
  awaitsPipes = false
  /** Something has been piped into it. */
  hasPipes = false
  /** It was not to be cut, and its head has been written: nothing else is to be decided. */
  hasHead = false
  sources: PipedSources | undefined
  /** The strong tag that `res.send` has given it, and what it hashed. */
  tag: string | undefined
  hashed: Buffer | undefined
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
    this.#filter ??= new Filter(this, response, below, this.sources)
    return this.#filter
  }
}

type Watches = Pick<Beside<Watch>, 'get' | 'set' | 'hold' | 'release' | 'settle'>

const watchKey = Symbol('range-serve: watch')

/** The state of each response: beside it if that is cheaper, otherwise on it. */
export const watches: Watches = isSlowToTouch
  ? new Beside<Watch>()
  : {
      get: (response) => (response as { [watchKey]?: Watch })[watchKey],
      set: keep,
      hold: keep,
      release() {},
      settle() {},
    }

function keep(response: object & { [watchKey]?: Watch }, watch: Watch): void {
  response[watchKey] = watch
}

function modeOf(request: IncomingMessage, options: RangeServeOptions): Watch['mode'] {
  const { method } = request
  if (options.acceptRanges === false || (method !== 'GET' && method !== 'HEAD')) return 'off'
  // For a HEAD it matters whether `end` is given content.
  const isPlain = method === 'GET' && !isConditional(request) && !isObserved(options)
  return isPlain ? 'whole' : 'filter'
}
