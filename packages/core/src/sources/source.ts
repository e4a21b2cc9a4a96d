import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'

/** Bytes as they come: a Node `Readable`, a web `ReadableStream`, an async generator. */
export type ByteStream = AsyncIterable<Uint8Array> | WebStream

/** A web `ReadableStream`, which can be iterated neither in Safari nor by its types of before 2024. */
export interface WebStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    cancel(reason?: unknown): Promise<void>
  }
}

/**
 * A {@link Representation} that can be read: everything range-serve serves is one.
 *
 * @example
 * const source: Source = {
 *   length: object.size,
 *   etag: object.etag,
 *   read: ({ firstPos, lastPos }, { signal }) => bucket.get(key, { firstPos, lastPos, signal }),
 * }
 */
export interface Source extends Representation {
  /**
   * Reads the bytes of a range, both positions inclusive: all at once, or in pieces.
   *
   * Excess bytes are cut off. Too few destroy the connection, since the length has been promised by
   * then. `signal` aborts when the client has disconnected: stop, and release what the read holds.
   * `return()` of an iterator is also called when no more of it is needed.
   *
   * A chunk must stay unchanged until the next is requested: by then it has been sent or copied,
   * and its memory may be filled again. Bytes that a promise resolves to belong to the response.
   */
  read(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): ByteStream | Promise<Uint8Array | ByteStream>
  /** Releases what the source holds. Called when a response is over, however it ended. */
  readonly close?: (() => void | Promise<void>) | undefined
  /**
   * Returns the source as it is now. Called at most once for each response, if its first read fails
   * with the code `ERR_SOURCE_CHANGED` before anything was sent: the response is then decided anew.
   */
  readonly reopen?: (() => Source | Promise<Source>) | undefined
  /**
   * `false` if only all of it can be read: `Range` is ignored, and the response says
   * `Accept-Ranges: none`. Default `true`.
   */
  readonly acceptRanges?: boolean | undefined
  /** The Cache-Control of a response, unless the response or its options have one. */
  readonly cacheControl?: string | undefined
}

/** Called at the end of a read, with the number of bytes read: 0 at the end of the source. */
export type ReadCallback = (error: Error | null, bytesRead: number) => void

/**
 * A source whose bytes delivery can read without an iterator, which makes `serve` fast. Not part of
 * the contract: a source without these members is read by `read`.
 */
export interface DirectSource extends Source {
  /**
   * Marks a source of this package: a caller's object may use any of these names for something
   * else.
   */
  readonly isDirect: true
  /** The bytes, if they are in memory already. */
  readonly bytes?: Uint8Array
  /** Prepares the source to be read for one response; each call is followed by one `close`. */
  open?(): Promise<void> | undefined
  /**
   * Reads up to `length` bytes at `position` into the start of `target`, which belongs to the
   * source until `done`.
   */
  readInto?(target: Uint8Array, length: number, position: number, done: ReadCallback): void
  /** As `readInto`, synchronously; `undefined` if it might have to wait, so that nothing was read. */
  readSync?(target: Uint8Array, length: number, position: number): number | undefined
  /**
   * Resolves to this source if the file is unchanged, otherwise to a fresh one, which is open.
   * Nothing may be sent before.
   *
   * It belongs to one opening, but an opened file passes through the outcome of a folder and an adapter
   * to `serve` as any source does: a value beside the source would be a second kind of servable in each
   * of their signatures, and one more object for each response.
   */
  readonly actual?: Promise<DirectSource> | undefined
  /**
   * Whether it cannot be ended early: `close` reads it to its end, and a response whose end
   * destroys its stream must not end before.
   */
  readonly endsByItself?: boolean
  /**
   * @param aborted keep nothing for the next response
   * @returns a promise if it is still being read to its end
   */
  readonly close?: ((aborted?: boolean) => void | Promise<void>) | undefined
}

/** A caller's source as a direct one, with only those members that the contract names. */
export function toDirect(source: Source | DirectSource): DirectSource {
  if ('isDirect' in source) return source
  const { length, seekable, acceptRanges, cacheControl, isGrowing } = source
  return {
    isDirect: true,
    ...pickMetadata(source),
    length,
    ...(seekable === undefined ? {} : { seekable }),
    ...(isGrowing === undefined ? {} : { isGrowing }),
    ...(acceptRanges === false ? { acceptRanges } : {}),
    ...(cacheControl === undefined ? {} : { cacheControl }),
    read: (range, options) => source.read(range, options),
    close: () => source.close?.(),
    ...(typeof source.reopen === 'function' ? { reopen: () => source.reopen!() } : {}),
  }
}

/** `readInto` as a promise of how many bytes were read. */
export function readInto(
  source: DirectSource,
  target: Uint8Array,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    source.readInto!(target, length, position, (error, count) =>
      error ? reject(error) : resolve(count),
    )
  })
}

/** The metadata of the bytes, without any other member of a caller's object. */
export function pickMetadata({
  type,
  etag,
  lastModified,
  lastChanged,
}: Partial<Representation>): Partial<Representation> {
  return {
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(lastChanged === undefined ? {} : { lastChanged }),
  }
}

/** Whether a value looks like a {@link Source}. */
export function isSource(value: unknown): value is Source {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { read?: unknown }).read === 'function'
  )
}

/** Whether a value is an open file, whose `read` differs from that of a source. */
export function hasDescriptor(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { stat?: unknown }).stat === 'function' &&
    typeof (value as { fd?: unknown }).fd === 'number'
  )
}

/** Whether a value is a promise of any kind. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T>
export function isPromise(value: { readonly then?: unknown } | null | undefined): boolean {
  return typeof value?.then === 'function'
}
