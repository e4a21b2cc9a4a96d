// When a stream may be ended early, and what happens to a stream that may not.

import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { builtin } from '../runtime.ts'

const NodeReadable = builtin('node:stream')?.Readable
const readablePrototype = NodeReadable?.prototype
const NodeEmitter = builtin('node:events')?.EventEmitter

/** Whether a value is a Node `Readable`: nothing is on a runtime without them. */
export function isReadable(value: unknown): value is Readable {
  return NodeReadable !== undefined && value instanceof NodeReadable
}

/** Whether a value is a Node `EventEmitter`. */
export function isNodeEmitter(value: unknown): value is EventEmitter {
  return NodeEmitter !== undefined && value instanceof NodeEmitter
}

/** Bytes that are discarded before other work of the event loop gets a turn. */
const discardedPerTurn = 1024 * 1024
/**
 * What a chunk counts for besides its bytes: empty chunks must not starve the event loop either.
 */
const costOfChunk = 1024

/** The prototypes of streams whose early end is clean. */
const cleanPrototypes = new Set<object>()

/** Declares that streams of a class can be ended early without an error reaching anything else. */
export function declareCleanEnd(prototype: object): void {
  cleanPrototypes.add(prototype)
}

/** The listeners through which this response reads a stream itself: `pipe` has one for 'data'. */
export interface OwnListeners {
  readonly data?: number
  readonly readable?: number
}

/**
 * Whether a stream may be ended early: it is certainly the head of a chain that this response alone
 * reads, and of a class whose early end is clean. Any other is read on, and ends by itself.
 *
 * @param own how many listeners the caller itself has there
 */
export function mayEndEarly(stream: unknown, own: OwnListeners): stream is Readable {
  return (
    isReadable(stream) &&
    !isReadElsewhere(stream, own) &&
    !isWrittenTo(stream) &&
    !isKeptOpen(stream) &&
    isOfCleanClass(stream)
  )
}

/** Whether other code closes the file of a stream itself: its descriptor may be another's by then. */
export function isKeptOpen(stream: Readable): boolean {
  const { autoClose }: Readable & { readonly autoClose?: unknown } = stream
  return autoClose === false
}

/** Whether anything but this response reads a stream. */
export function isReadElsewhere(
  stream: EventEmitter,
  { data = 0, readable = 0 }: OwnListeners,
): boolean {
  return stream.listenerCount('data') > data || stream.listenerCount('readable') > readable
}

/** A stream that may have a side to be written to. */
interface WritableToo extends Readable {
  readonly writable?: unknown
  readonly bytesWritten?: unknown
}

/** Whether the readable side may depend on further writes to the other. */
function isWrittenTo(stream: Readable): boolean {
  const { writable, bytesWritten }: WritableToo = stream
  // A source that is piped into a stream listens for 'unpipe' there.
  return writable === true && (bytesWritten !== 0 || stream.listenerCount('unpipe') > 0)
}

const methods = ['read', 'push', 'unshift', 'resume', 'destroy', '_read', '_destroy'] as const

function isOfCleanClass(stream: Readable): boolean {
  let prototype: Partial<Readable> | null = Object.getPrototypeOf(stream)
  if (prototype === readablePrototype) return isMadeByNode(stream)
  while (prototype && !cleanPrototypes.has(prototype)) {
    prototype = Object.getPrototypeOf(prototype)
  }
  if (!prototype) return false
  // A subclass or a patched stream may have changed it.
  for (const name of methods) if (stream[name] !== prototype[name]) return false
  return true
}

/**
 * Whether a plain `Readable` comes from `Readable.from` or `Readable.fromWeb`: their `_destroy` is
 * Node's own code, which uses names that no other code can.
 */
function isMadeByNode(stream: Readable): boolean {
  if (!Object.hasOwn(stream, '_destroy')) return false
  for (const name of ['read', 'push', 'unshift', 'resume', 'destroy'] as const) {
    if (stream[name] !== readablePrototype![name]) return false
  }
  return /\bPromisePrototypeThen\(/.test(String(Reflect.get(stream, '_destroy')))
}

/**
 * Ends a stream that may be ended early. It reports its end, so that a `pipeline` succeeds, and is
 * destroyed before any other listener is called, so that the unread rest of an upstream response
 * does not return to its agent.
 */
export function endEarly(stream: Readable): void {
  if (stream.destroyed) return
  if (stream.readableEnded) {
    stream.destroy()
    return
  }
  stream.on('error', noop)
  // Other code may destroy it in this turn, as Koa does once a response has finished, which would
  // be an error for code that waits for the end.
  stream.destroy = () => stream
  stream.prependOnceListener('end', () => {
    Reflect.deleteProperty(stream, 'destroy')
    stream.destroy()
  })
  stream.push = () => false
  readablePrototype!.push.call(stream, null)
  // With a listener for 'readable', as an iterator has, nothing flows.
  if (stream.listenerCount('readable') === 0) stream.resume()
  else while (stream.read() !== null);
}

/**
 * Ends a stream that {@link mayEndEarly} without an error, as {@link endEarly} does, and so that 'end' is
 * emitted before the 'close' of a response that finishes in this turn: a `pipeline` takes that for a
 * failure until then.
 */
export function endAtOnce(stream: Readable): void {
  endEarly(stream)
  while (stream.read() !== null);
}

/** Continues to read what feeds a stream through `pipe` if the stream is destroyed before its end. */
export function discardFeeders(stream: unknown): void {
  if (!isNodeEmitter(stream)) return
  const target: EventEmitter & { readonly destroyed?: unknown } = stream
  target.on('unpipe', (feeder: Partial<Readable>) => {
    if (target.destroyed !== true) return
    if (mayEndEarly(feeder, {})) feeder.destroy()
    else if (feeder.destroyed !== true) feeder.resume?.()
  })
}

/** Counts bytes that are discarded, and says when other work of the event loop needs a turn: each MiB. */
export class DiscardPace {
  #discarded = 0

  /** Whether to yield to the event loop before more is discarded. */
  count(bytes: number): boolean {
    this.#discarded += bytes + costOfChunk
    if (this.#discarded < discardedPerTurn) return false
    this.#discarded = 0
    return true
  }
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) =>
    typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve),
  )
}

function noop(): void {}
