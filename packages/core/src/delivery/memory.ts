// When memory may be reused. This file is the rule; nothing else decides it.
//
// A piece of content may lie in pooled memory only while nothing but Node's own code and the kernel
// can read it: `write` and `end` of the response are Node's own, and so is the connection, down to its
// `_write`. The memory goes back to the pool when no read is under way and the response has finished
// on a live socket. In any other case a piece has memory of its own.

import { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { NodeResponse } from './outgoing.ts'
import { OwnMethod } from './own-method.ts'

const own = {
  write: new OwnMethod('write_(this, chunk, encoding, callback, false)'),
  end: new OwnMethod('onFinish.bind(undefined, this)'),
  send: new OwnMethod('_writeRaw(data, encoding, callback, byteLength)'),
  writeRaw: new OwnMethod('conn.write(data, encoding, callback)'),
  writeHead: new OwnMethod('this._storeHeader(statusLine, headers)'),
  http2Write: new OwnMethod('const stream = this[kStream]'),
  http2End: new OwnMethod('const stream = this[kStream]'),
  socketWrite: new OwnMethod('_write(this, chunk, encoding, cb)'),
  writeOne: new OwnMethod('this._writeGeneric(false, data, encoding, cb)'),
  writeMany: new OwnMethod("this._writeGeneric(true, chunks, '', cb)"),
}

/** The members of a response that Node's types lack. */
interface ResponseInternals extends ServerResponse {
  readonly _send?: unknown
  readonly _writeRaw?: unknown
}

/** The methods of a connection that lead to the kernel. */
interface Connection {
  readonly write: unknown
  readonly _write: unknown
  readonly _writev?: unknown
}

/** What follows a method: nothing for a value of any other kind, as a WeakMap has it. */
interface Passes {
  get(method: unknown): (() => unknown) | undefined
  set(method: object, next: () => unknown): unknown
}

/** Hooks that pass everything on to another method, unless their response is filtered. */
const passes: Passes = new WeakMap<object, () => unknown>()

/**
 * Declares that a method passes everything on to the method that `next` returns, and keeps nothing.
 */
export function declareTransparent(method: object, next: () => unknown): void {
  passes.set(method, next)
}

/** Whether a method is Node's own, behind hooks that pass everything on. */
function isBehind(known: OwnMethod, method: unknown): boolean {
  let next: (() => unknown) | undefined
  while (!known.isProven(method) && (next = passes.get(method))) method = next()
  return known.is(method)
}

/**
 * Whether `write` and `end` of a response are Node's own: they keep nothing, encode nothing, and call
 * back when the bytes are out.
 */
export function isUnpatched(response: { readonly write: unknown; readonly end: unknown }): boolean {
  const { write, end } = response
  if (response instanceof Http2ServerResponse) {
    return isBehind(own.http2Write, write) && isBehind(own.http2End, end)
  }
  return isBehind(own.write, write) && isBehind(own.end, end)
}

/** Whether `writeHead` is Node's own: nothing but the content that follows makes it send the head. */
export function hasOwnHead(response: NodeResponse): boolean {
  return isBehind(own.writeHead, response.writeHead)
}

/**
 * The connection of a response if the memory of what is written to it may be reused once it has
 * finished, since only Node's own code and the kernel read it; `undefined` if something else might. An
 * HTTP/2 session keeps written bytes for longer than it reports.
 */
export function provenSocket(response: NodeResponse): Socket | undefined {
  if (!(response instanceof ServerResponse) || !isUnpatched(response)) return undefined
  const { _send, _writeRaw }: ResponseInternals = response
  if (!own.send.is(_send) || !own.writeRaw.is(_writeRaw)) return undefined
  // Detached once the response has finished, and missing before its turn.
  const socket = response.socket ?? response.req.socket
  return socket instanceof Socket && isNodesSocket(socket) ? socket : undefined
}

/** Whether a connection is Node's own, unpatched. */
export function isNodesSocket(socket: Connection): boolean {
  const prototype: unknown = Object.getPrototypeOf(socket)
  if (prototype !== Socket.prototype && prototype !== TLSSocket.prototype) return false
  const { write, _write, _writev } = socket
  return own.socketWrite.is(write) && own.writeOne.is(_write) && own.writeMany.is(_writev)
}
