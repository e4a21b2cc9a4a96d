// The parts of a source. Runs on any runtime: neither this module nor what it imports needs `node:`.

export type { ErrorCode, SourceError } from './errors.ts'
export { codeOf, invalidArgument, outOfRange, sourceError } from './errors.ts'
export type { ByteStream, Source } from './sources/source.ts'
export type { OpenPart } from './sources/parts.ts'
export { closeParts, combineValidators, openPart, validatePart } from './sources/parts.ts'
export { PartsSource } from './sources/parts-source.ts'
export { readRange } from './sources/read-range.ts'
export { parseContentRange } from './semantics/content-range.ts'
export { isEntityTag, isWeak, weakCompare } from './semantics/entity-tag.ts'
export { formatHttpDate, parseHttpDate } from './semantics/http-date.ts'
export type { ByteRange } from './semantics/range.ts'
export type { Representation } from './semantics/representation.ts'
export {
  validateCount,
  validateFunction,
  validateMetadata,
  validateObject,
  validateOneOf,
  validateSource,
} from './validate.ts'
