// The parts of an adapter: what it takes to send a source within a framework. Not for applications: it
// changes with the adapters.

// A source becomes a response.
export type { FieldLookup } from './semantics/fields.ts'
export { contextOf } from './context.ts'
export type { Prepared } from './delivery/deliver.ts'
export { prepare } from './prepare.ts'

// The response is sent, or lent to the framework.
export { deliver } from './delivery/deliver.ts'
export { lend } from './delivery/lend.ts'
export { defer } from './delivery/defer.ts'
export { advertise } from './delivery/advertise.ts'
export { isUnpatched } from './delivery/memory.ts'
export { toOneWrite } from './delivery/one-write.ts'
export { OwnMethod } from './delivery/own-method.ts'
export { applyFields } from './semantics/apply-fields.ts'
export { closeUnsent } from './open-bytes.ts'
export { alreadyAnswered } from './delivery/outgoing.ts'
export { OngoingTransfer } from './transfer.ts'

// Folders and stores.
export type { FolderOutcome, Mount } from './files/static.ts'
export { mountStatic } from './range-static.ts'

// What callers pass.
export type { RangeServeOptions } from './options.ts'
export { expectFramework, sendRangeOptions, validateServeOptions } from './misuse.ts'
