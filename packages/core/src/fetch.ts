// Responses for `fetch` handlers, on any runtime: nothing here imports what only Node has. Files are
// served by `toResponse` of the main entry.

import { whenAborted } from './delivery/cancellation.ts'
import { toWebResponse } from './delivery/web-response.ts'
import { type BytesOptions, prepareBytes, type ServableBytes, toTarget } from './prepare-bytes.ts'

export type { BytesOptions, ServableBytes } from './prepare-bytes.ts'
export type { Transfer } from './transfer.ts'
export type { ErrorCode, SourceError } from './errors.ts'
export type { ByteStream, Source, WebStream } from './sources/source.ts'
export type { Metadata } from './sources/buffer.ts'
export { fromBuffer } from './sources/buffer.ts'
export { fromBlob } from './sources/blob.ts'
export type { Reader } from './sources/reader.ts'
export { fromReader } from './sources/reader.ts'
export type { OpenStream, StreamMetadata } from './sources/stream.ts'
export { fromStream } from './sources/stream.ts'
export type { Part } from './sources/parts.ts'
export { fromConcat } from './sources/concat.ts'
export type { ByteRange } from './semantics/range.ts'
export type { Representation } from './semantics/representation.ts'

/**
 * Makes the `Response` to a web `Request` for a source, where there is no file system: in a service
 * worker, on an edge runtime.
 *
 * Its body is read from the source as it is requested, one piece of memory at a time. The source is
 * closed at its end, when the body is cancelled, and when the signal of the request or of the
 * options aborts: a body that is not read must be cancelled. The body fails if the source fails later
 * or runs short.
 *
 * No extension stands for a media type here: `type` is a full one.
 *
 * @throws TypeError or RangeError with a `code`, by rejecting: it can never be served
 * @throws SourceError with `status` and `code`, by rejecting
 *
 * @example
 * self.addEventListener('fetch', (event) => event.respondWith(toResponse(event.request, blob)))
 */
export async function toResponse(
  request: Request,
  servable: ServableBytes,
  options: BytesOptions = {},
): Promise<Response> {
  // Some servers make the signal only if it is read, at a price.
  const whenOver = (callback: () => void) => whenAborted(request.signal, callback)
  const prepared = await prepareBytes(toTarget(request), servable, options, whenOver)
  return toWebResponse(prepared, request, options.signal)
}
