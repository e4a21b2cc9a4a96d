// A prepared response → a node:http or http2 response, the fast way.

import type { ServerResponse } from 'node:http'
import { toError } from '../errors.ts'
import type { ResponsePlan } from '../semantics/plan.ts'
import type { OngoingTransfer, Transfer } from '../transfer.ts'
import type { Content } from './content.ts'
import { writeHead } from './head.ts'
import { alreadyAnswered, cutOff, type NodeResponse, whenInTurn } from './outgoing.ts'
import type { Pacer } from './pacer.ts'
import { Writer } from './writer.ts'

/** A decided response and its open content, which has to be sent or closed. */
export interface Prepared {
  readonly plan: ResponsePlan
  readonly content: Content
  readonly transfer: OngoingTransfer
  /** Limits how fast it is sent. */
  readonly pacer?: Pacer
  /** Whether the response has the fields of the plan already. Default `false`. */
  readonly isApplied?: boolean
}

/**
 * Sends a response and settles when it is over: resolves when it was sent or the client has
 * disconnected, rejects if the source failed before anything was sent, so that another response can
 * be sent instead.
 *
 * A source that fails later, or runs short, destroys the connection (HTTP/2: the stream).
 *
 * Everything after the end runs in the asynchronous context of the call.
 */
export async function deliver(
  outgoing: NodeResponse,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<Transfer> {
  const { content, transfer, pacer } = prepared
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both classes accept the same calls
  const response = outgoing as ServerResponse
  const head = new Head(response, prepared)
  const close = (isSent: boolean) => {
    void content.close(isSent ? (writer.reusable ? 'sent' : 'kept') : 'aborted')
  }
  const writer: Writer = new Writer(response, transfer, onOver, signal, pacer)
  let sent = false
  let failure: Error | undefined
  try {
    await send(response, prepared, writer, head)
    sent = await writer.over
    if (sent && !head.sent) {
      // Other code has sent another response in its place, so there is nothing for the caller to do.
      sent = false
      transfer.error = alreadyAnswered()
    }
  } catch (error) {
    sent = false
    writer.stop()
    transfer.error = toError(error)
    if (head.retract()) failure = transfer.error
    else cutOff(response)
  }
  close(sent)
  transfer.finish(!sent)
  if (failure) throw failure
  return transfer

  function onOver(isSent: boolean): void {
    if (!isSent) content.cancel()
    // In this turn: in the next, a framework may destroy the file stream that is being read.
    else if (content.isReadAtRandom && head.sent) close(true)
  }
}

async function send(
  response: ServerResponse,
  { content }: Prepared,
  writer: Writer,
  head: Head,
): Promise<void> {
  if (response.headersSent) throw alreadyAnswered()
  const turn = whenInTurn(response)
  if (turn) await turn
  if (writer.isOver) return
  if (content.length === 0) {
    head.send()
    response.end()
    return
  }
  // What exists in the future may be long in coming.
  if (content.length === Infinity) {
    head.send()
    response.flushHeaders()
  }
  const whole = content.whole()
  if (whole) {
    const bytes = whole instanceof Promise ? await writer.until(whole) : whole
    if (!bytes || writer.isOver) return
    head.send()
    return writer.end(bytes, content.reuses)
  }
  for (let missing = content.length; missing > 0;) {
    const next = content.next()
    const piece = next instanceof Promise ? await writer.until(next) : next
    if (writer.isOver) return
    // The end of content whose length was not known; other content is never short of a piece.
    if (!piece) return void response.end()
    missing -= piece.length
    head.send()
    if (missing === 0) return writer.end(piece, content.reuses)
    await writer.write(piece, content.reuses)
    if (writer.isOver) return
    if (writer.isKept) content.keep()
  }
}

/**
 * The head of one response, sent with its first content, so that an error can be reported until
 * then.
 */
class Head {
  /** Whether the head that was sent is this one. */
  sent = false
  readonly #response: ServerResponse
  readonly #prepared: Prepared
  #takeBack = (): void => {}

  constructor(response: ServerResponse, prepared: Prepared) {
    this.#response = response
    this.#prepared = prepared
  }

  /**
   * Sends the head unless it has been sent; throws if other code has responded or ended the
   * response.
   */
  send(): void {
    const response = this.#response
    if (response.writableEnded || (response.headersSent && !this.sent)) throw alreadyAnswered()
    if (this.sent) return
    const { plan, transfer, isApplied = false } = this.#prepared
    if (isApplied) response.writeHead(plan.status)
    else this.#takeBack = writeHead(response, plan)
    this.sent = true
    transfer.firstByte()
  }

  /** Takes back a head that has not gone out; returns whether another response can be sent. */
  retract(): boolean {
    if (!this.sent) return true
    if (this.#response.headersSent || this.#response.writableEnded) return false
    this.sent = false
    this.#prepared.transfer.firstByteMs = undefined
    this.#takeBack()
    return true
  }
}
