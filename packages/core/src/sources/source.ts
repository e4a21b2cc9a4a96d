import { invalidArgument } from '../errors.ts'
import { isEntityTag } from '../semantics/entity-tag.ts'
import type { ByteRange } from '../semantics/range.ts'
import { type Representation, validateLength } from '../semantics/representation.ts'

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
   * More than was asked for is cut off; less destroys the connection, since the length is promised
   * by then. `signal` aborts when the client has left: stop, and release what the read holds. An
   * iterator is also returned (`return()`) when no more of it is wanted.
   */
  read(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): ByteStream | Promise<Uint8Array | ByteStream>
  /** Releases what the source holds. Called when an answer is over, however it ended. */
  close?(): void | Promise<void>
}

/**
 * A source whose bytes delivery can have without an iterator between: how `serve` gets fast. It is
 * not part of the contract; whatever lacks these is read by `read`.
 */
export interface DirectSource extends Source {
  /** The bytes, where they are in memory already. */
  readonly bytes?: Uint8Array
  /** Gets ready to be read for one answer; each is followed by one `close` or `abandon`. */
  open?(): Promise<void> | undefined
  /**
   * Reads up to `length` bytes at `position` into the head of `target`; none means the end. The
   * target is the source's until `done`.
   */
  readInto?(
    target: Uint8Array,
    length: number,
    position: number,
    done: (error: Error | null, bytesRead: number) => void,
  ): void
  /** As `readInto`, at once: where the caller has allowed it to wait for the disk. */
  readNow?: ((target: Uint8Array, length: number, position: number) => number) | undefined
  /**
   * What is there now, where this is what was there before and may be still: itself, or another
   * source, open. Nothing of it may be sent until then.
   */
  readonly actual?: Promise<DirectSource> | undefined
  /** Closes it, and keeps nothing for a next answer. */
  abandon?(): void
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

/** Checks what a caller says of a representation: `TypeError` or `RangeError` where it cannot be. */
export function validateRepresentation(representation: Representation): void {
  const { length, type, etag, lastModified } = representation
  validateLength(length, 'serve the source')
  validateMetadata({ type, etag, lastModified })
}

/** Checks metadata that goes into header fields. */
export function validateMetadata(metadata: {
  type?: string | undefined
  etag?: string | undefined
  lastModified?: Date | undefined
}): void {
  const { type, etag, lastModified } = metadata
  if (type !== undefined) validateFieldValue('type', type)
  if (etag !== undefined && (typeof etag !== 'string' || !isEntityTag(etag))) {
    throw invalidArgument(
      'ERR_INVALID_ETAG',
      `Cannot use the etag: it must be an entity-tag with its quotes, such as "v1" or W/"v1", got ${String(etag)}`,
    )
  }
  if (lastModified !== undefined) {
    if (!(lastModified instanceof Date) || Number.isNaN(lastModified.getTime())) {
      throw invalidArgument(
        'ERR_INVALID_ARGUMENT',
        `Cannot use lastModified: it must be a valid Date, got ${String(lastModified)}`,
      )
    }
  }
}

/** Refuses what would end a header field and begin another (§5.5). */
export function validateFieldValue(name: string, value: unknown): void {
  if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw invalidArgument(
      'ERR_INVALID_FIELD',
      `Cannot use ${name}: it must be a string of visible Latin-1 characters, got ${JSON.stringify(value)}`,
    )
  }
}

/** What is known of the bytes, and nothing else that a caller's object may hold. */
export function pickMetadata({
  type,
  etag,
  lastModified,
}: Partial<Representation>): Partial<Representation> {
  return {
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  }
}

/** Whether a value keeps the {@link Source} contract, as far as one can see. */
export function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && typeof (value as Source).read === 'function'
}
