// The parts of a filter, which makes responses of other code range-aware. Not for applications: it
// changes with the adapters.

// Deciding: what the request calls for, and what the fields of the 200 allow.
export { isConditional } from './delivery/incoming.ts'
export { isObserved } from './transfer.ts'
export { mayBeCut, parseContentLength } from './semantics/fields.ts'
export { evaluatePassing, planPassing, preparePassing } from './passing.ts'

// The head and the content of what is sent instead.
export { applyHead } from './delivery/head.ts'
export { Cut } from './semantics/segments.ts'

// Beside other code that encodes the content.
export { tagOfEncoding } from './semantics/entity-tag.ts'
export { variesByCoding } from './semantics/vary.ts'
export { writeThrough } from './delivery/encoding.ts'
export { declareTransparent } from './delivery/memory.ts'

// The state of a response.
export { cutOff, isGone, whenOver } from './delivery/outgoing.ts'

// Streams that feed a response, and what becomes of them.
export { fromReadStream } from './files/read-stream.ts'
export { HeldStream } from './files/held-stream.ts'
export { discardFeeders, DiscardPace, endAtOnce, mayEndEarly } from './sources/early-end.ts'
