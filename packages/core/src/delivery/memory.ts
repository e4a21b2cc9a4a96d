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

type Method = (...args: never[]) => unknown

const verdicts = new WeakMap<Method, string>()

/**
 * Whether a method is Node's own, judged by a call that only its source text contains. A comparison
 * with the current method would prove nothing: it may have been patched before this module was
 * loaded.
 */
function isNodes(method: unknown, call: string): boolean {
  if (typeof method !== 'function') return false
  const known = verdicts.get(method as Method)
  if (known !== undefined) return known === call
  const isOwn = Function.prototype.toString.call(method).includes(call)
  verdicts.set(method as Method, isOwn ? call : '')
  return isOwn
}

/** A part of the source text of Node's own methods that hardly any other method contains. */
const ownCalls = {
  write: 'write_(this, chunk, encoding, callback, false)',
  end: 'onFinish.bind(undefined, this)',
  send: '_writeRaw(data, encoding, callback, byteLength)',
  writeRaw: 'conn.write(data, encoding, callback)',
  writeHead: 'this._storeHeader(statusLine, headers)',
  http2: 'const stream = this[kStream]',
  socketWrite: '_write(this, chunk, encoding, cb)',
  writeOne: 'this._writeGeneric(false, data, encoding, cb)',
  writeMany: "this._writeGeneric(true, chunks, '', cb)",
}

/** Hooks that pass everything on to another method, unless their response is filtered. */
const passes = new WeakMap<object, () => unknown>()

/**
 * Declares that a method passes everything on to the method that `next` returns, and keeps nothing.
 */
export function declareTransparent(method: object, next: () => unknown): void {
  passes.set(method, next)
}

function behindHooks(method: unknown): unknown {
  for (let next: (() => unknown) | undefined; (next = passes.get(method as object));) {
    method = next()
  }
  return method
}

/**
 * Whether `write` and `end` of a response are Node's own: they keep nothing, encode nothing, and call
 * back when the bytes are out.
 */
export function isUnpatched(response: object): boolean {
  const write = behindHooks(Reflect.get(response, 'write'))
  const end = behindHooks(Reflect.get(response, 'end'))
  if (response instanceof Http2ServerResponse) {
    return isNodes(write, ownCalls.http2) && isNodes(end, ownCalls.http2)
  }
  return isNodes(write, ownCalls.write) && isNodes(end, ownCalls.end)
}

/** Whether `writeHead` is Node's own: nothing but the content that follows makes it send the head. */
export function hasOwnHead(response: object): boolean {
  return isNodes(behindHooks(Reflect.get(response, 'writeHead')), ownCalls.writeHead)
}

/**
 * Whether the memory of what is written to a response may be reused once the response has finished:
 * only Node's own code and the kernel read it. An HTTP/2 session keeps written bytes for longer
 * than it reports.
 */
export function mayReuseMemory(response: NodeResponse): boolean {
  if (!(response instanceof ServerResponse) || !isUnpatched(response)) return false
  if (!isNodes(Reflect.get(response, '_send'), ownCalls.send)) return false
  if (!isNodes(Reflect.get(response, '_writeRaw'), ownCalls.writeRaw)) return false
  // Detached once the response has finished, and missing before its turn.
  const socket = response.socket ?? response.req.socket
  return socket instanceof Socket && isNodesSocket(socket)
}

function isNodesSocket(socket: Socket): boolean {
  const prototype: unknown = Object.getPrototypeOf(socket)
  return (
    (prototype === Socket.prototype || prototype === TLSSocket.prototype) &&
    isNodes(Reflect.get(socket, 'write'), ownCalls.socketWrite) &&
    isNodes(Reflect.get(socket, '_write'), ownCalls.writeOne) &&
    isNodes(Reflect.get(socket, '_writev'), ownCalls.writeMany)
  )
}
