// The parts of an adapter. Not for applications: it changes with the adapters.

export { contextOf } from './context.ts'
export type { ResponseContext, ServerRequest } from './prepare.ts'
export { prepare, prepareDecided } from './prepare.ts'
export { closeUnsent } from './open-bytes.ts'
export type { SourceError } from './errors.ts'
export { invalidArgument, outOfRange, toError } from './errors.ts'
export type { FieldLookup } from './semantics/fields.ts'
export { evaluatePassing, planPassing } from './filter.ts'
export type { FieldTarget } from './semantics/apply-fields.ts'
export { applyFields } from './semantics/apply-fields.ts'
export {
  discardFeeders,
  DiscardPace,
  endAtOnce,
  endEarly,
  mayEndEarly,
} from './sources/early-end.ts'
export type { DirectSource, Source } from './sources/source.ts'
export { pickMetadata } from './sources/source.ts'
export { readRange } from './sources/read-range.ts'
export type { Part, PartList } from './sources/parts.ts'
export {
  closeParts,
  combineValidators,
  openPart,
  readParts,
  validatePart,
} from './sources/parts.ts'
export type { Prepared } from './delivery/deliver.ts'
export { deliver } from './delivery/deliver.ts'
export type { Deferred } from './delivery/defer.ts'
export { defer } from './delivery/defer.ts'
export type { Lent } from './delivery/lend.ts'
export { lend } from './delivery/lend.ts'
export { declareTransparent, isUnpatched } from './delivery/memory.ts'
export { alreadyAnswered, cutOff, isGone, isInTurn, whenOver } from './delivery/outgoing.ts'
export type { GivenField } from './delivery/head.ts'
export { applyHead } from './delivery/head.ts'
export { mayBeEncoded, variesByCoding, writeThrough } from './delivery/encoding.ts'
export { Cut } from './semantics/segments.ts'
export { HeldStream } from './files/held-stream.ts'
export { fromReadStream } from './files/read-stream.ts'
export type { FilterOptions, RangeServeOptions } from './options.ts'
export { mergeOptions, validateOptions } from './options.ts'
export { isBytes } from './semantics/segments.ts'
export { encodedTag, isEntityTag, vouchedTag } from './semantics/entity-tag.ts'
export { mayBeCut, parseContentLength } from './semantics/fields.ts'
export { isConditional } from './semantics/request.ts'
export type { StaticOptions } from './files/folder-options.ts'
export type { FolderOutcome, Mount } from './files/static.ts'
export type { StaticFinder, StoreOptions } from './store.ts'
export { mountStatic } from './range-static.ts'
export type { FileStats } from './files/file-stats.ts'
export { validateMetadata } from './validate.ts'
export { validateOptionNames } from './option-names.ts'
export { isObserved, OngoingTransfer } from './transfer.ts'
export { expectCall, expectFramework } from './misuse.ts'
