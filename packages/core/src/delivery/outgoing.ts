// The state of a response: in turn, gone, over, sent, cut off. Hosts that imitate `node:http` lack
// parts of it, so only the methods of an event emitter are relied on here.

import { IncomingMessage, type ServerResponse } from 'node:http'
import { constants, Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import { invalidArgument } from '../errors.ts'
import { declareCleanEnd } from '../sources/early-end.ts'

declareCleanEnd(IncomingMessage.prototype)
declareCleanEnd(Socket.prototype)

/** The part of a response that delivery needs; both of Node's classes have it. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/** The error `ERR_HEADERS_SENT`: other code has started or ended the response already. */
export function alreadyAnswered(): TypeError {
  return invalidArgument('ERR_HEADERS_SENT', 'Cannot serve: the response has already been started')
}

/** The connection of a response, even before its turn and after its end; hosts may have none. */
function socketOf(response: ServerResponse): Partial<Socket> | undefined {
  return response.socket ?? (response.req as IncomingMessage | undefined)?.socket ?? undefined
}

/** Streams that this side resets, until the client has been told. */
const resets = new WeakSet<ServerHttp2Stream>()

/** The pipelined responses that wait for the end of a connection, which share one listener. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/** How often the streams of HTTP/2 responses are checked, in milliseconds. */
const closedStreamMs = 500
const pending = new Set<() => void>()
let timer: NodeJS.Timeout | undefined

/**
 * Calls back once: with `true` when all of a response has been handed to the network, with `false`
 * when nothing reads the rest. Returns an unsubscribe function.
 *
 * Sent means `finish` on a live socket: Node also emits it for cancelled writes.
 */
export function whenOver(response: NodeResponse, callback: Over): () => void {
  return response instanceof Http2ServerResponse
    ? watchStream(response, callback)
    : watchResponse(response, callback)
}

type Over = (sent: boolean) => void

function watchResponse(response: ServerResponse, callback: Over): () => void {
  const socket = socketOf(response)
  let isWaiting = true
  let leaveSocket: (() => void) | undefined
  const over = (sent: boolean) => {
    if (!isWaiting) return
    unsubscribe()
    callback(sent)
  }
  const onFinish = () => over(socket?.destroyed !== true)
  // Hosts without a connection may emit nothing but this.
  const onClose = () => over(socket === undefined && response.writableEnded)
  const unsubscribe = () => {
    if (!isWaiting) return
    isWaiting = false
    response.off('finish', onFinish)
    response.off('close', onClose)
    leaveSocket?.()
  }
  // First, before Node detaches the socket and other listeners destroy the response.
  response.prependListener('finish', onFinish)
  response.on('close', onClose)
  // A pipelined response that waits for its turn has no socket yet, and never emits 'close'.
  if (isPipelined(response)) leaveSocket = whenClosed(response.req.socket, () => over(false))
  return unsubscribe
}

function watchStream(response: Http2ServerResponse, callback: Over): () => void {
  const { stream } = response
  const over = (sent: boolean) => {
    if (unsubscribe()) callback(sent)
  }
  const isSent = () => stream.writableFinished && !stream.aborted && stream.rstCode === 0
  const onClose = () => over(isSent())
  // A stream that is reset during a write reports that, and then waits for the write.
  const onAborted = () => {
    if (!resets.has(stream)) stream.destroy()
    over(false)
  }
  // A stream that is reset without an error after its end, with its window closed, reports nothing.
  let wasClosed = false
  const look = () => {
    if (wasClosed) {
      stream.destroy()
      over(false)
    }
    wasClosed = stream.closed && !stream.destroyed
  }
  response.on('close', onClose)
  stream.on('aborted', onAborted)
  pending.add(look)
  timer ??= setInterval(lookAtStreams, closedStreamMs).unref()
  return unsubscribe

  /** Returns whether this was still waiting. */
  function unsubscribe(): boolean {
    response.off('close', onClose)
    stream.off('aborted', onAborted)
    return pending.delete(look)
  }
}

function lookAtStreams(): void {
  for (const look of pending) look()
  if (pending.size > 0) return
  clearInterval(timer)
  timer = undefined
}

/** Whether a response is next on its connection: no earlier one is under way. */
export function isInTurn(response: NodeResponse): boolean {
  return response instanceof Http2ServerResponse || !isPipelined(response)
}

/** Whether a response waits on a connection of Node's own for earlier ones. */
function isPipelined(response: ServerResponse): boolean {
  if (response.socket) return false
  const socket: unknown = (response.req as IncomingMessage | undefined)?.socket
  return socket instanceof Socket && !socket.pending && !socket.destroyed
}

/**
 * Waits until a response is next on its connection, or nothing will read it; returns `undefined` if
 * it is next. If pipelined responses were read before their turn, a few bytes of requests would
 * hold a piece of memory each.
 */
export function whenInTurn(response: NodeResponse): Promise<void> | undefined {
  if (response instanceof Http2ServerResponse || !isPipelined(response)) return undefined
  return new Promise((resolve) => {
    const leaveSocket = whenClosed(response.req.socket, resolve)
    response.once('socket', () => {
      leaveSocket()
      resolve()
    })
  })
}

function whenClosed(socket: Socket, callback: () => void): () => void {
  let callbacks = waiting.get(socket)
  if (!callbacks) {
    callbacks = new Set()
    waiting.set(socket, callbacks)
    socket.once('close', () => {
      for (const each of waiting.get(socket)!) each()
    })
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}

/** Whether all that was written to a response so far has been handed to the network. */
export function isFlushed(response: NodeResponse): boolean {
  if (response instanceof Http2ServerResponse || isGone(response)) return false
  const socket = socketOf(response)
  return socket !== undefined && response.writableLength === 0 && socket.writableLength === 0
}

/** Whether nothing will read what is sent from now on. */
export function isGone(response: NodeResponse): boolean {
  if (response instanceof Http2ServerResponse) {
    const { stream } = response
    return stream === undefined || stream.destroyed || stream.closed
  }
  return response.destroyed || socketOf(response)?.destroyed === true
}

/**
 * Ends a connection (HTTP/2: a stream), so that the client cannot take a part for the full
 * response.
 */
export function cutOff(response: NodeResponse): void {
  if (response instanceof Http2ServerResponse) {
    resets.add(response.stream)
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  } else {
    response.destroy()
  }
}

/** Whether a response is one of many on a session, which counts what all of them hold. */
export function isMultiplexed(response: NodeResponse): boolean {
  return response instanceof Http2ServerResponse
}
