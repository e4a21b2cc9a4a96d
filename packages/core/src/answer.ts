import type { DirectSource, Source } from './io/source.ts'
import { openSource, type Servable } from './open.ts'
import { describe, type PresetFields, type SendOptions, validateOptions } from './options.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { RangeRequest } from './semantics/representation.ts'
import { release } from './io/deliver.ts'
import { OngoingTransfer } from './telemetry.ts'

/** An answer that is decided, and the source of its bytes, open, which whoever sends it must release. */
export interface Answer {
  readonly plan: ResponsePlan
  readonly source: Source
  readonly transfer: OngoingTransfer
}

/** A request as a server has it. */
export interface ServerRequest extends RangeRequest {
  readonly url?: string | undefined
}

/**
 * Opens what is to be served and decides how to answer.
 *
 * @param preset what the response was told before
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError with a `status`, by rejecting: nothing has been sent
 */
export function prepareAnswer(
  request: ServerRequest,
  servable: Servable,
  options: SendOptions,
  preset: () => PresetFields,
): Promise<Answer> {
  validateOptions(options)
  const transfer = new OngoingTransfer(request, options.onTransfer)
  const opened = openSource(servable, options)
  return decide(request, opened, options, preset, transfer)
}

async function decide(
  request: ServerRequest,
  opened: DirectSource | Promise<DirectSource>,
  options: SendOptions,
  preset: () => PresetFields,
  transfer: OngoingTransfer,
): Promise<Answer> {
  const source = await opened
  try {
    // Held for this answer alone, so that another's end does not close it.
    const opening = source.open?.()
    if (opening) await opening
    const { representation, planOptions } = describe(source, options, preset())
    const plan = planResponse(request, representation, planOptions)
    transfer.start(plan, source.length)
    return { plan, source, transfer }
  } catch (error) {
    release(source, true)
    throw error
  }
}
