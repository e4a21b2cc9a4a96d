import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'

/** Bytes as they come: a Node `Readable`, a web `ReadableStream`, an async generator. */
export type ByteStream = AsyncIterable<Uint8Array>

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
   * Reads the bytes of a range, both positions inclusive: all at once, or in pieces as they come.
   *
   * Excess bytes are cut off; too few destroy the connection, since the length is promised by then.
   * `signal` aborts when the client has left: stop, and release what the read holds. An iterator is
   * also returned (`return()`) when no more of it is wanted.
   *
   * A chunk must stay as it is until the next is requested: until then it is sent or copied, and from
   * then on its memory may be filled again. Bytes that a promise gives are the response's for good.
   */
  read(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): ByteStream | Promise<Uint8Array | ByteStream>
  /** Releases what the source holds. Called when an answer is over, however it ended. */
  close?(): void | Promise<void>
}

/** Is told of the end of a read: how many bytes it gave, none at the end of the source. */
export type ReadCallback = (error: Error | null, bytesRead: number) => void

/**
 * A source whose bytes delivery can have without an iterator between: how `serve` gets fast. It is
 * not part of the contract; whatever lacks these is read by `read`.
 */
export interface DirectSource extends Source {
  /** Marks a source of our own: a caller's object may have any of these names for something else. */
  readonly isDirect: true
  /** The bytes, if they are in memory already. */
  readonly bytes?: Uint8Array
  /** Gets ready to be read for one response; each is followed by one `close`. */
  open?(): Promise<void> | undefined
  /**
   * Reads up to `length` bytes at `position` into the head of `target`. The target is the source's
   * until `done`.
   */
  readInto?(target: Uint8Array, length: number, position: number, done: ReadCallback): void
  /** As `readInto`, at once: set if the caller allows it to wait for the disk. */
  readSync?: ((target: Uint8Array, length: number, position: number) => number) | undefined
  /**
   * Resolves to this source if it still is what is there, otherwise to a fresh one, open. Nothing of
   * it may be sent until then.
   */
  readonly actual?: Promise<DirectSource> | undefined
  /**
   * It cannot be ended early: `close` reads it to its end, and a response that would have its stream
   * destroyed must not end before.
   */
  readonly endsByItself?: boolean
  /**
   * @param aborted keep nothing for the next response
   * @returns a promise if it goes on being read to its end
   */
  close?(aborted?: boolean): void | Promise<void>
}

/** A caller's source as one of our own, with nothing of it but what the contract names. */
export function toDirect(source: Source): DirectSource {
  if ('isDirect' in source) return source as DirectSource
  const { length, seekable } = source
  return {
    isDirect: true,
    ...pickMetadata(source),
    length,
    ...(seekable === undefined ? {} : { seekable }),
    read: (range, options) => source.read(range, options),
    close: () => source.close?.(),
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

/** What is known of the bytes, and nothing else that a caller's object may hold. */
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

/** Whether a value keeps the {@link Source} contract, as far as one can see. */
export function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && typeof (value as Source).read === 'function'
}
