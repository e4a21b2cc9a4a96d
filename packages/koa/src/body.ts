// How Koa classifies a body. Its versions differ, so the Koa in use decides.

import { Stream } from 'node:stream'
import type { ParameterizedContext as Context, Response as KoaResponse } from 'koa'
import type { ByteStream } from '@range-serve/core'

/** Content in memory, to be sent as bytes: text, a Buffer, or an object that Koa makes JSON of. */
interface MemoryBody {
  readonly kind: 'memory'
}

/** Content that passes by once. */
interface StreamBody {
  readonly kind: 'stream'
  /** `undefined` unless it can be read chunk by chunk: streams of the old kind only emit. */
  readonly stream: ByteStream | undefined
}

/** A body by what Koa does with it. */
export type BodyKind =
  | MemoryBody
  | StreamBody
  | { readonly kind: 'blob'; readonly blob: Blob }
  | { readonly kind: 'none' }

const memory: MemoryBody = { kind: 'memory' }

/** What Koa will do with the body of a context. */
export function kindOf({ response }: Context): BodyKind {
  const body: unknown = response.body
  if (body === undefined || body === null) return { kind: 'none' }
  if (typeof body !== 'object' || Buffer.isBuffer(body) || isPlainObject(body)) return memory
  if (isOfWeb(body) && knowsWeb(response)) {
    if (body instanceof Blob) return { kind: 'blob', blob: body }
    const stream = body instanceof Response ? body.body : body
    const isFree = stream !== null && !stream.locked
    return { kind: 'stream', stream: isFree ? (stream as ByteStream) : undefined }
  }
  if (!isStream(response, body)) return memory
  return { kind: 'stream', stream: isIterable(body) ? body : undefined }
}

/** Whether every Koa sends a body from memory; it makes JSON of an object. */
export function isInMemory(body: unknown): boolean {
  return typeof body === 'string' || Buffer.isBuffer(body) || isPlainObject(body)
}

/** Whether a body is an object literal or an array, which every Koa makes JSON of. */
function isPlainObject(body: unknown): body is Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null) return false
  const prototype: unknown = Object.getPrototypeOf(body)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  const { pipe }: { readonly pipe?: unknown } = body
  return pipe === undefined
}

function isOfWeb(body: object): body is Blob | ReadableStream | Response {
  return body instanceof Blob || body instanceof ReadableStream || body instanceof Response
}

/** Whether a stream can be read and destroyed as Node's own streams can. */
function isIterable(body: object): body is ByteStream {
  const { readable, destroyed, destroy } = body as Partial<Record<string, unknown>>
  return (
    typeof (body as Partial<AsyncIterable<Uint8Array>>)[Symbol.asyncIterator] === 'function' &&
    typeof destroy === 'function' &&
    readable === true &&
    destroyed !== true
  )
}

/** Koa 2 takes instances of Node's `Stream` for streams, Koa 3 also what has the same members. */
function isStream(response: KoaResponse, body: object): boolean {
  if (body instanceof Stream) return true
  if (typeof (body as Partial<Stream>).pipe !== 'function') return false
  try {
    // Koa knows the length of nothing that it takes for a stream.
    const other = { has: () => false, body }
    return Reflect.get(Object.getPrototypeOf(response), 'length', other) === undefined
  } catch {
    return false
  }
}

/** By the prototype of an application's responses: whether its Koa sends Blobs and web streams. */
const webByPrototype = new WeakMap<object, boolean>()

/** Koa 3 sends Blobs, web streams and fetch's responses; Koa 2 makes JSON of them. */
function knowsWeb(response: KoaResponse): boolean {
  const prototype: object = Object.getPrototypeOf(response)
  let isKnown = webByPrototype.get(prototype)
  if (isKnown === undefined) {
    const probe = new Probe()
    try {
      isKnown = Reflect.set(prototype, 'body', new Blob([]), probe) && !probe.isJson
    } catch {
      isKnown = false
    }
    webByPrototype.set(prototype, isKnown)
  }
  return isKnown
}

/** A response of nothing, to see what Koa makes of a body. */
class Probe {
  isJson = false
  length = 0
  status = 200
  readonly _explicitStatus = true

  get type(): string {
    return ''
  }

  set type(_value: string) {
    this.isJson = true
  }

  has(): boolean {
    return true
  }

  remove(): void {}
}
