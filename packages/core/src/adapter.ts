// What an adapter is made of. Not for applications: it changes with the adapters.

export type { ServerRequest } from './prepare.ts'
export { dispose, prepareAnswer } from './prepare.ts'
export type { SourceError } from './errors.ts'
export { toError } from './errors.ts'
export { endEarly } from './sources/read-range.ts'
export { toBody } from './delivery/lend.ts'
export { Cancellation, whenAborted } from './delivery/cancellation.ts'
export { Cut } from './semantics/cut.ts'
export type { Answer } from './delivery/deliver.ts'
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
} from './delivery/deliver.ts'
export { smallBuffers } from './delivery/pool.ts'
export { fromReadStream } from './files/read-stream.ts'
export type { RangeServeOptions } from './options.ts'
export { describe, presetOf, validateOptions } from './options.ts'
export { isBytes } from './semantics/byteranges.ts'
export { weaken } from './semantics/entity-tag.ts'
export { isStale, mayBeCut, parseContentLength } from './semantics/fields.ts'
export { parseHttpDate } from './semantics/http-date.ts'
export { isConditional } from './semantics/representation.ts'
export type { StaticOptions, StaticTarget } from './files/folder.ts'
export { StaticFolder } from './files/folder.ts'
export { isObserved, OngoingTransfer } from './transfer.ts'
