// The content of a response for a framework that sends it, which never sees pooled bytes.

import { AsyncResource } from 'node:async_hooks'
import { Http2ServerResponse } from 'node:http2'
import { Readable } from 'node:stream'
import { toError } from '../errors.ts'
import type { Transfer } from '../transfer.ts'
import { whenAborted } from './cancellation.ts'
import { ContentStream } from './content-stream.ts'
import type { Content } from './content.ts'
import type { Prepared } from './deliver.ts'
import { cutOff, isFlushed, isGone, isInTurn, type NodeResponse, whenOver } from './outgoing.ts'
import { smallSize } from './pool.ts'

/** A body for a framework that sends it itself: bytes, a stream of them, or nothing. */
export type Body = Buffer | Readable | undefined

/** A body, and its outcome. */
export interface Lent {
  readonly body: Body
  /** Resolves when the response is over, or the body if there is no response; never rejects. */
  readonly finished: Promise<Transfer>
  /** Closes the content: another body is sent instead. */
  readonly withdraw: () => void
  /**
   * Set if the body was deferred, by `defer`: delivers the response, whose fields are set, past the
   * framework. Returns `undefined` if the body has been read or destroyed, so that the framework must
   * send it. Rejects if the source fails before anything is sent.
   */
  readonly deliver?: (() => Promise<void> | undefined) | undefined
}

/**
 * Makes the body of a prepared response: bytes if it is at most 64 KiB or in memory, otherwise a
 * stream whose first bytes have been read, so that an early failure of the source can still be
 * reported. The stream destroys itself if the source fails later or runs short. A response that
 * waits for its turn on a connection, or whose source can only be read to its end, always gets a
 * stream.
 *
 * @param destination the `response`, if known; a `signal` that ends it; `asStream` if the framework
 *   destroys the source's stream as soon as its body is anything but a stream
 * @throws the error of the source, by rejecting, if it fails before the first bytes
 */
export async function lend(
  prepared: Prepared,
  destination: {
    readonly signal?: AbortSignal | undefined
    readonly response?: NodeResponse | undefined
    readonly asStream?: boolean | undefined
  },
): Promise<Lent> {
  const { content, transfer, plan } = prepared
  const { response, signal } = destination
  let body: Body
  let abandoned = false
  let leave!: () => void
  const left = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined)
  })
  // What a source does at its end belongs to the request, whatever caused the end.
  const context = new AsyncResource('RangeServeContent')
  const cancel = (reason?: unknown) =>
    context.runInAsyncScope(() => {
      abandoned = true
      content.cancel(reason)
      if (body instanceof Readable) body.destroy(reason === undefined ? undefined : toError(reason))
      leave()
    })
  const forgetSignal = signal && whenAborted(signal, abort)
  if (signal?.aborted === true) abort()
  let isRead = false
  /** Whether everything was sent before the response ended: the client may disconnect then. */
  let isOut = false
  const onOver = (sent: boolean) => {
    // A response that was sent without this body is another response.
    if (sent ? !isRead : !isOut) cancel()
    // In this turn: in the next, a framework may destroy the source's stream.
    else if (sent && !abandoned) context.runInAsyncScope(() => void content.close('sent'))
  }
  const over = response && whenResponseOver(response, onOver)
  try {
    const reading = toBody(prepared, response, destination.asStream === true)
    // The source may never settle although the client has disconnected.
    body = await Promise.race([reading, left])
    signal?.throwIfAborted()
    if (abandoned) void content.close('aborted')
  } catch (error) {
    void content.close('aborted')
    // The error of a read that was aborted because the client disconnected is not reported.
    if (!abandoned || signal?.aborted === true) {
      forgetSignal?.()
      transfer.error = toError(error)
      transfer.finish(true)
      throw transfer.error
    }
  }
  if (body instanceof Readable) {
    // An error before anything reads the body is reported to its reader later.
    body.on('error', () => {
      if (response?.headersSent === true) cutOff(response)
    })
    if (abandoned) body.destroy()
  }
  return { body, finished: settle(), withdraw }

  function withdraw(): void {
    cancel()
    void content.close('aborted')
  }

  function abort(): void {
    transfer.error ??= toError(signal!.reason)
    cancel(signal!.reason ?? transfer.error)
    // A body of bytes is not a stream that could be destroyed.
    if (response && (response.headersSent || Buffer.isBuffer(body))) cutOff(response)
  }

  /** Closes the content, in the asynchronous context of the call to `lend`. */
  async function settle(): Promise<Transfer> {
    isRead = body instanceof ContentStream && content.length > 0 ? await body.consumed : true
    isOut = body instanceof ContentStream && isRead && response !== undefined && isFlushed(response)
    // A framework may destroy the source's stream when the response is over: it is closed first.
    // Any other stays open until then: its end may tell other code that the response is complete.
    if (!over || !isRead || content.endsByItself || content.isReadAtRandom) {
      await content.close(isRead ? 'sent' : 'aborted')
    }
    if (body instanceof ContentStream) body.end()
    const isSent = over
      ? ((await over) || isOut) && isRead && !abandoned && response.statusCode === plan.status
      : isRead
    forgetSignal?.()
    if (!isSent) cancel()
    void content.close(isSent ? 'sent' : 'aborted')
    transfer.finish(!isSent || transfer.error !== undefined)
    return transfer
  }
}

function whenResponseOver(
  response: NodeResponse,
  onOver: (sent: boolean) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (sent: boolean) => {
      onOver(sent)
      resolve(sent)
    }
    if (isGone(response)) end(false)
    else whenOver(response, end)
  })
}

async function toBody(
  prepared: Prepared,
  response: NodeResponse | undefined,
  asStream: boolean,
): Promise<Body> {
  const { content, transfer, plan, pacer } = prepared
  const { slice, length, endsByItself } = content
  /** Whether it goes out at a pace, in more than one piece. */
  const isPaced = pacer !== undefined && length > pacer.maxPiece
  if ((slice && !isPaced) || length === 0) {
    transfer.firstByte()
    // As for a stream: a framework may destroy the source's stream when the response is over.
    const isUnread = asStream && plan.status === 304
    if (!response || endsByItself || content.isReadAtRandom || isUnread) await content.close('sent')
    // An HTTP/2 session refuses further streams once those that nothing reads hold too much.
    const isLarge = response instanceof Http2ServerResponse && length > smallSize
    if ((asStream && !isUnread) || isLarge) return new ContentStream(prepared, response)
    return slice && Buffer.from(slice.buffer, slice.byteOffset, slice.length)
  }
  const isNext = response === undefined || isInTurn(response)
  if (length <= smallSize && isNext && !endsByItself && !asStream && !isPaced) {
    const whole = content.whole()
    const bytes = whole ? own(await whole, content) : await collect(content)
    transfer.firstByte()
    if (!response || content.isReadAtRandom) void content.close('sent')
    return bytes
  }
  const body = new ContentStream(prepared, response)
  if (isNext && length < Infinity) await body.begin()
  return body
}

/** Bytes that are the framework's to keep. */
function own(bytes: Buffer, { reuses }: Content): Buffer {
  return reuses ? Buffer.from(bytes) : bytes
}

/** All of a small body in one buffer, since a source may reuse the memory of its chunks. */
async function collect(content: Content): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(content.length)
  for (let filled = 0; filled < bytes.length;) {
    const piece = (await content.next())!
    bytes.set(piece, filled)
    filled += piece.length
  }
  return bytes
}
