// What an adapter is made of. Not for applications: it changes with the adapters.

export { contextOf } from './context.ts'
export type { ResponseContext, ServerRequest } from './prepare.ts'
export { dispose, prepare, prepareDecided } from './prepare.ts'
export type { SourceError } from './errors.ts'
export { toError } from './errors.ts'
export type { FieldLookup } from './semantics/fields.ts'
export { planPassing } from './filter.ts'
export type { FieldTarget } from './semantics/apply-fields.ts'
export { applyFields } from './semantics/apply-fields.ts'
export {
  discardFeeders,
  DiscardPace,
  endAtOnce,
  endEarly,
  mayEndEarly,
} from './sources/early-end.ts'
export type { Prepared } from './delivery/deliver.ts'
export { deliver } from './delivery/deliver.ts'
export type { Deferred } from './delivery/defer.ts'
export { defer } from './delivery/defer.ts'
export type { Lent } from './delivery/lend.ts'
export { lend } from './delivery/lend.ts'
export { declareTransparent, isUnpatched } from './delivery/memory.ts'
export { alreadyAnswered, cutOff, isGone, isInTurn, whenOver } from './delivery/outgoing.ts'
export type { GivenField } from './delivery/head.ts'
export { applyHead, writeThrough } from './delivery/head.ts'
export { Cut } from './semantics/segments.ts'
export { HeldStream } from './files/held-stream.ts'
export { fromReadStream } from './files/read-stream.ts'
export type { FilterOptions, RangeServeOptions } from './options.ts'
export { mergeOptions, validateOptions } from './options.ts'
export { isBytes } from './semantics/segments.ts'
export { weaken } from './semantics/entity-tag.ts'
export { mayBeCut, parseContentLength } from './semantics/fields.ts'
export { isConditional } from './semantics/request.ts'
export type { StaticOptions } from './files/folder-options.ts'
export type { FolderOutcome, Mount } from './files/static.ts'
export type { StaticFinder, StoreOptions } from './store.ts'
export { mountStatic } from './range-static.ts'
export { validateOptionNames } from './option-names.ts'
export { isObserved, OngoingTransfer } from './transfer.ts'
export { expectCall, expectFramework } from './misuse.ts'
