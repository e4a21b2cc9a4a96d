// Where the filter hooks in.
//
// Access to a response is expensive in Express: each gets a prototype after it was made, so V8 reuses
// nothing that it learned from the one before; a further property costs most. So the hooks and `sendRange` are on
// `express.response`, once, and the state of a response is kept beside it. If a response has been
// patched before, the hooks go on top of that, on the response itself, so that they see it as the
// handler does.

import { type IncomingMessage, ServerResponse } from 'node:http'
import { isUnpatched, type RangeServeOptions, toOneWrite } from '@range-serve/core/adapter'
import { declareTransparent, writeThrough } from '@range-serve/core/filter'
import type { Response } from 'express'
import { hookFresh } from './fresh.ts'
import { noteContent, sendTagged } from './hash-tag.ts'
import { writeFullHead } from './head.ts'
import { declareOwn, type Methods, MethodsBelow, ownPrototype } from './methods.ts'
import { PipedFile } from './piped-file.ts'
import { destroyIfGone, type PipedSource, PipedSources } from './sources.ts'
import { Watch, watches } from './watch.ts'

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
  sendRange: Function,
): void {
  const before = watches.get(response)
  if (before && before.mode !== 'off') {
    before.sendOptions = options
    return
  }
  const watch = new Watch(request, layerOf(response, sendRange), options)
  // `end` releases no other.
  if (watch.mode === 'whole') watches.hold(response, watch)
  else watches.set(response, watch)
  if (watch.mode === 'off') return
  hookFresh(request)
}

/** The options that `rangeServe` has for a response's `sendRange`; `undefined` if none has seen it. */
export function sendOptionsOf(response: ServerResponse): RangeServeOptions | undefined {
  return watches.get(response)?.sendOptions
}

/** Marks a response as range-aware by itself: it passes unchanged. Returns a function that undoes that. */
export function bypassFilter(response: ServerResponse): () => void {
  const watch = watches.get(response)
  if (!watch) return () => {}
  watch.bypassed = true
  watches.settle(response)
  return () => {
    watch.bypassed = false
  }
}

/** A 'pipe' listener, one for all responses. */
function notePipe(this: ServerResponse, source: PipedSource): void {
  // What wraps a response may call its listeners with another `this`.
  const watch = watches.get(this)
  if (!watch) return
  if (watch.hasPipes) {
    watch.file?.release()
  } else {
    watch.hasPipes = true
    this.on('unpipe', noteUnpipe)
    watch.file = PipedFile.hold(watch, this, source)
  }
  if (watch.mode !== 'filter') return
  watch.sources ??= new PipedSources(this)
  watch.sources.add(source)
}

/** An 'unpipe' listener, one for all responses. */
function noteUnpipe(this: ServerResponse, source: PipedSource): void {
  const { sources, file } = watches.get(this) ?? {}
  file?.release()
  if (sources) sources.remove(source)
  else destroyIfGone(this, source)
}

/** The hooks of an object: a prototype, or a response that had been patched before. */
interface Layer {
  readonly hooks: Methods
}

/** By prototype. */
const layers = new WeakMap<object, Layer>()
/** The last one found, and its owner: most responses are of one application. */
let known: { readonly kind: unknown; readonly layer: Layer } | undefined

function layerOf(response: ServerResponse, sendRange: Function): Layer {
  const kind: ServerResponse = Object.getPrototypeOf(response)
  const isPatched =
    Object.hasOwn(response, 'writeHead') ||
    Object.hasOwn(response, 'write') ||
    Object.hasOwn(response, 'end')
  // What the response inherits is read from its prototype, which it shares with others.
  if (!isPatched && known && known.kind === kind && isOnTop(known.layer, kind)) return known.layer
  const prototype = isPatched ? undefined : ownPrototype(response, ServerResponse.prototype)
  if (!prototype) return install(response, sendRange)
  let layer = layers.get(prototype)
  if (!layer) {
    layer = install(prototype, sendRange)
    layers.set(prototype, layer)
  }
  known = { kind, layer }
  return layer
}

function isOnTop({ hooks }: Layer, response: { [name in keyof Methods]: unknown }): boolean {
  const { writeHead, write, end } = response
  return writeHead === hooks.writeHead && write === hooks.write && end === hooks.end
}

/** The arguments of `end`, so that small content goes out together with the head. */
function inOneWrite(response: ServerResponse, args: unknown[]): unknown[] {
  const [content, second, third] = args
  const text = toOneWrite(response, content)
  if (text === undefined) return args
  return [text, 'latin1', typeof second === 'function' ? second : third]
}

/** Puts the hooks on top of the methods that an object has. */
function install(target: object, sendRange: Function): Layer {
  const below = new MethodsBelow(target)

  function watchOf(response: ServerResponse): Watch | undefined {
    const watch = watches.get(response)
    return watch?.layer !== layer || watch.bypassed || watch.mode === 'off' ? undefined : watch
  }

  function writeHead(response: ServerResponse, args: unknown[]): unknown {
    if (isUnpatched(below)) return below.writeHead.apply(response, args)
    return writeThrough(response, () => below.writeHead.apply(response, args))
  }

  const hooks: Methods = {
    writeHead(...args) {
      const watch = watchOf(this)
      if (!watch) return below.writeHead.apply(this, args)
      if (watch.mode === 'whole') {
        const result = writeFullHead(this, args, writeHead, watch)
        watch.hasHead = true
        return result
      }
      return watch.filterOf(this, below).writeHead(args, writeHead)
    },
    write(...args) {
      const watch = watchOf(this)
      if (watch?.hashed) noteContent(watch, args)
      if (watch?.mode === 'filter') return watch.filterOf(this, below).write(args)
      return below.write.apply(this, args)
    },
    end(...args) {
      const watch = watchOf(this)
      if (watch?.hashed) noteContent(watch, args)
      if (watch?.mode === 'filter') return watch.filterOf(this, below).end(args)
      const isBytes = watch && Buffer.isBuffer(args[0])
      const result = below.end.apply(this, isBytes ? inOneWrite(this, args) : args)
      if (watch?.hasHead && !watch.hasPipes) watches.release(this)
      else watches.settle(this)
      return result
    },
    // A listener costs each response as much as all else here. Every stream listens to what it is piped
    // into before it emits 'pipe' there.
    on(...args) {
      const watch = watches.get(this)
      if (watch?.layer === layer && !watch.awaitsPipes && watch.mode !== 'off') {
        watch.awaitsPipes = true
        below.on.call(this, 'pipe', notePipe)
      }
      return below.on.apply(this, args)
    },
  }
  const layer: Layer = { hooks }
  declareOwn(hooks.writeHead)
  declareTransparent(hooks.writeHead, () => below.writeHead)
  declareTransparent(hooks.write, () => below.write)
  declareTransparent(hooks.end, () => below.end)
  Object.assign(target, hooks, { sendRange })
  hookSend(target)
  return layer

  /**
   * Only Express's responses have `send`. That of Express 4, which has `sendfile` as well, warns of
   * some calls with the place that they come from, which would be this one.
   */
  function hookSend(object: object): void {
    const own = Object.getOwnPropertyDescriptor(object, 'send')
    const parent: object = Object.getPrototypeOf(object)
    if (!Reflect.has(object, 'send') || Reflect.has(object, 'sendfile')) return
    Object.assign(object, { send })
    function send(this: Response, ...args: unknown[]): unknown {
      const method: Function = own?.value ?? Reflect.get(parent, 'send', this)
      const watch = watchOf(this)
      const mayBeStrong = watch && this.statusCode === 200 && !this.hasHeader('Content-Encoding')
      return mayBeStrong ? sendTagged(watch, this, method, args) : Reflect.apply(method, this, args)
    }
  }
}
