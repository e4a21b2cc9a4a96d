import { type Answer, release } from './delivery/deliver.ts'
import { canGather, ReadAhead } from './delivery/pieces.ts'
import { smallSize } from './delivery/pool.ts'
import type { DirectSource } from './sources/source.ts'
import { openSource, type Servable } from './open.ts'
import { describe, type Preset, type SendOptions, validateOptions } from './options.ts'
import { contentLength } from './semantics/byteranges.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { RangeRequest } from './semantics/representation.ts'
import { OngoingTransfer } from './transfer.ts'

/** A request as a server has it. */
export interface ServerRequest extends RangeRequest {
  readonly url?: string | undefined
}

/**
 * Opens what is to be served and decides how to answer.
 *
 * @param preset what the response was told before
 * @param inTurn whether the answer will go out as soon as there is content
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError with a `status`, by rejecting: nothing has been sent
 */
export function prepareAnswer(
  request: ServerRequest,
  servable: Servable,
  options: SendOptions,
  preset: () => Preset,
  inTurn: boolean,
): Promise<Answer> {
  validateOptions(options)
  const transfer = new OngoingTransfer(request, options.onTransfer)
  const opened = openSource(servable, options)
  return decide(request, opened, options, preset, inTurn, transfer)
}

async function decide(
  request: ServerRequest,
  opened: DirectSource | Promise<DirectSource>,
  options: SendOptions,
  preset: () => Preset,
  inTurn: boolean,
  transfer: OngoingTransfer,
): Promise<Answer> {
  const source = opened instanceof Promise ? await opened : opened
  let actual: DirectSource = source
  let readAhead: ReadAhead | undefined
  try {
    // Held for this answer alone, so that another's end does not close it.
    const opening = source.open?.()
    if (opening) await opening
    const { representation, planOptions } = describe(source, options, preset())
    const plan = planResponse(request, representation, planOptions)
    if (source.actual) {
      if (inTurn && isSmall(plan) && canGather(source)) readAhead = new ReadAhead(plan.body, source)
      actual = await source.actual
    }
    if (actual === source) {
      transfer.start(plan, source.length)
      return { plan, source, transfer, readAhead }
    }
  } catch (error) {
    discard(source, readAhead)
    forget(source.actual, source)
    throw error
  }
  discard(source, readAhead)
  return decide(request, actual, options, preset, inTurn, transfer)
}

function isSmall({ body }: ResponsePlan): boolean {
  return body.length > 0 && contentLength(body) <= smallSize
}

/** Lets go of a source when nothing reads from it any more. */
function discard(source: DirectSource, readAhead: ReadAhead | undefined): void {
  const { reading } = readAhead ?? {}
  if (reading) void reading.then(noop, noop).then(() => release(source, true))
  else release(source, true)
}

/** Lets go of an open source that will not be sent after all. */
export function dispose(source: DirectSource): void {
  release(source, true)
  forget(source.actual, source)
}

/** Lets go of what a file turns out to be. */
function forget(actual: DirectSource['actual'], expected: DirectSource): void {
  actual?.then((source) => (source === expected ? undefined : release(source, true)), noop)
}

function noop(): void {}
