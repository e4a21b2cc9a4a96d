// Opening, planning and content: the only module that knows all rooms.

import { Content } from './delivery/content.ts'
import type { Prepared } from './delivery/deliver.ts'
import { Pacer } from './delivery/pacer.ts'
import { openSource, type Servable } from './open.ts'
import { closeReplacement, closeUnsent } from './open-bytes.ts'
import { type SendOptions, validateOptions } from './options.ts'
import { readFirst } from './reopen.ts'
import { type ResponseState, selectRepresentation } from './select.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { RangeRequest } from './semantics/request.ts'
import { type DirectSource, type Source, toDirect } from './sources/source.ts'
import { OngoingTransfer } from './transfer.ts'

/** A request as a server receives it. */
export interface ServerRequest extends RangeRequest {
  readonly url?: string | undefined
}

/** A response before it is decided. */
export interface ResponseContext extends ResponseState {
  /** Whether it is sent as soon as there is content, so that the content may be read early. */
  readonly inTurn: boolean
  /** Waits until it is, or nothing will read it; `undefined` if it is. */
  readonly whenInTurn?: (() => Promise<void> | undefined) | undefined
  /** Whether its content may lie in memory that is reused. */
  readonly pooled: boolean
  /** Calls back when the response is over. Returns an unsubscribe function. */
  readonly whenOver?: ((callback: () => void) => () => void) | undefined
  /** The most bytes of content to hold at once. */
  readonly maxPiece?: number | undefined
}

/**
 * Opens the source, decides the response, and prepares its content. What it resolves to has to be
 * delivered, lent or deferred, each of which closes the content.
 *
 * @param context what is known of the response: see `contextOf`
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError with a `status`, by rejecting: nothing has been sent
 */
export function prepare(
  request: ServerRequest,
  servable: Servable,
  options: SendOptions,
  context: ResponseContext,
): Promise<Prepared> {
  let opened: DirectSource | Promise<DirectSource>
  try {
    validateOptions(options)
    opened = openSource(servable, options)
  } catch (error) {
    closeUnsent(servable)
    throw error
  }
  const transfer = new OngoingTransfer(request, options.onTransfer)
  if (!options.pace) return decide(request, opened, options, context, transfer)
  const pacer = new Pacer(options.pace)
  const maxPiece = Math.min(pacer.maxPiece, context.maxPiece ?? Infinity)
  const paced = decide(request, opened, options, { ...context, maxPiece }, transfer)
  return paced.then((prepared) => ({ ...prepared, pacer }))
}

async function decide(
  request: ServerRequest,
  opened: DirectSource | Promise<DirectSource>,
  options: SendOptions,
  context: ResponseContext,
  transfer: OngoingTransfer,
  isReopened = false,
): Promise<Prepared> {
  const source = opened instanceof Promise ? await opened : opened
  let content: Content | undefined
  let actual: DirectSource = source
  try {
    // Held for this response alone, so that the end of another does not close it.
    const opening = source.open?.()
    if (opening) await opening
    const { representation, planOptions } = selectRepresentation(source, options, context)
    const plan = planResponse(request, representation, planOptions)
    content = new Content(plan.body, source, context)
    if (source.actual) {
      if (context.inTurn) content.readAhead()
      actual = await source.actual
    } else if (source.reopen && !isReopened && content.length > 0) {
      // A pipelined response must not hold its first piece until it is its turn.
      const turn = context.inTurn ? undefined : context.whenInTurn?.()
      if (turn) await turn
      actual = await readFirst(source, content, options, context)
    }
    if (actual === source) {
      transfer.start(plan, source.length)
      return { plan, content, transfer }
    }
  } catch (error) {
    void (content ?? new Content([], source, context)).close('aborted')
    closeReplacement(source)
    throw error
  }
  void content.close('aborted')
  return decide(request, actual, options, context, transfer, true)
}

/** Prepares the content of a response that has been decided. The source is open. */
export function prepareDecided(
  request: ServerRequest,
  source: Source,
  plan: ResponsePlan,
  options: Pick<SendOptions, 'onTransfer'>,
  context: ResponseContext,
): Prepared {
  const transfer = new OngoingTransfer(request, options.onTransfer)
  transfer.start(plan, source.length)
  return { plan, content: new Content(plan.body, toDirect(source), context), transfer }
}
