// What an adapter is made of. Not for applications: it changes with the adapters.

export type { ServerRequest } from './answer.ts'
export { dispose, prepareAnswer } from './answer.ts'
export type { SourceError } from './errors.ts'
export { toError } from './errors.ts'
export { endEarly } from './io/body.ts'
export { toBody } from './io/body-stream.ts'
export { Cancellation, whenAborted } from './io/cancellation.ts'
export { Cut } from './io/cut.ts'
export type { Answer } from './io/deliver.ts'
export {
  callsBack,
  cutOff,
  isGone,
  isInTurn,
  isSent,
  markReliable,
  whenInTurn,
  whenOver,
  writeThrough,
} from './io/deliver.ts'
export { smallBuffers } from './io/pool.ts'
export { fromReadStream } from './io/read-stream.ts'
export type { RangeServeOptions } from './options.ts'
export { describe, presetOf, validateOptions } from './options.ts'
export { isBytes } from './semantics/byteranges.ts'
export { weaken } from './semantics/entity-tag.ts'
export { isStale, mayBeCut, parseContentLength } from './semantics/fields.ts'
export { parseHttpDate } from './semantics/http-date.ts'
export { isConditional } from './semantics/representation.ts'
export type { StaticOptions, StaticTarget } from './static.ts'
export { StaticFolder } from './static.ts'
export { isObserved, OngoingTransfer } from './telemetry.ts'
