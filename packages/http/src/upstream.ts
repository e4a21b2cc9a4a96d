// The parts of a source that is read over a network. For other packages of range-serve: it changes
// with them.

export { within } from './deadline.ts'
export { statusError, upstreamError } from './errors.ts'
export { MetadataTable } from './metadata-table.ts'
export {
  type Limits,
  type RemoteMetadata,
  type RemoteOptions,
  validateRemoteOptions,
} from './options.ts'
export { type Body, type Part, isBody, readerOf } from './part.ts'
export { openRemote, type Upstream } from './remote-source.ts'
