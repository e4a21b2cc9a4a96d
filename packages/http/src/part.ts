// One response of an upstream: a range of the content, and what the response says of all of it.

import { type ByteRange, isWeak, type SourceError, weakCompare } from '@range-serve/core/sources'
import { settled } from './deadline.ts'
import { upstreamError } from './errors.ts'
import type { RemoteMetadata } from './options.ts'

/** A response of an upstream whose content is being received. */
export interface Part extends ByteRange {
  /** `undefined` if the upstream does not say it. */
  readonly completeLength: number | undefined
  readonly etag: string | undefined
  readonly lastModified: Date | undefined
  readonly reader: PartReader
}

/** The content of a part. */
export interface PartReader {
  /** The next chunk; `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>
  /** Cancels the content: the connection is closed, unless all of it was received. */
  cancel(): void
}

/** A body as fetch and the clients of stores give it. */
export type Body =
  | ReadableStream<Uint8Array>
  | (AsyncIterable<Uint8Array> & { destroy?: () => void; on?: unknown })

/** Whether a value is a body: the clients of stores leave its type open. */
export function isBody(value: unknown): value is Body {
  if (typeof value !== 'object' || value === null) return false
  return 'getReader' in value || Symbol.asyncIterator in value
}

/**
 * Reads a body of any kind.
 *
 * @param abort cancels the request that the body came with
 */
export function readerOf(body: Body | null | undefined, abort: () => void): PartReader {
  if (!body) return { next: () => Promise.resolve(undefined), cancel: abort }
  if ('getReader' in body) {
    const reader = body.getReader()
    return new BodyReader(
      () => reader.read(),
      () => {
        reader.cancel().catch(noop)
        abort()
      },
    )
  }
  const iterator = body[Symbol.asyncIterator]()
  const { on } = body
  return new BodyReader(
    () => iterator.next(),
    () => {
      // A destroyed Node stream may still report an error.
      if (typeof on === 'function') on.call(body, 'error', noop)
      body.destroy?.()
      abort()
    },
  )
}

type Result = { readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }

class BodyReader implements PartReader {
  readonly #next: () => Promise<Result>
  readonly #cancel: () => void
  #isOver = false

  constructor(next: () => Promise<Result>, cancel: () => void) {
    this.#next = next
    this.#cancel = cancel
  }

  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#next()
    if (done !== true) return value
    this.#isOver = true
    return undefined
  }

  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancel()
  }
}

/** The time in which a body has to end after its last byte, in milliseconds. */
const endMs = 1000

/**
 * Receives the end of a body whose bytes were all read, so that its connection can be used again;
 * cancels a body that goes on.
 */
export async function finish(reader: PartReader): Promise<void> {
  try {
    const deadline = { ms: endMs, signal: undefined, late: () => new Error('No end') }
    await settled(reader.next(), deadline)
  } catch {
    // The bytes that were needed are here.
  }
  reader.cancel()
}

/**
 * Whether a body can be continued from another response: both can be proven to be of the same
 * version.
 */
export function isPinned({ etag, lastModified }: RemoteMetadata): boolean {
  return (etag !== undefined && !isWeak(etag)) || lastModified !== undefined
}

/**
 * Returns an error unless a part is of the version that the metadata describes, and begins where it
 * should. An upstream may ignore If-Match, and Range.
 */
export function checkPart(
  upstream: string,
  part: Part,
  firstPos: number,
  metadata: RemoteMetadata,
): SourceError | undefined {
  const { length, etag, lastModified } = metadata
  const changed = (what: string) =>
    upstreamError('ERR_SOURCE_CHANGED', `The content of ${upstream} has another ${what} now`)
  if (part.completeLength !== undefined && part.completeLength !== length) return changed('length')
  // Opaquely: some servers call the tag of a young file weak, and later strong.
  if (etag !== undefined && (part.etag === undefined || !weakCompare(etag, part.etag))) {
    return changed('entity-tag')
  }
  const hasStrongTag = etag !== undefined && !isWeak(etag)
  if (!hasStrongTag && lastModified && seconds(part.lastModified) !== seconds(lastModified)) {
    return changed('date')
  }
  if (part.firstPos === firstPos) return undefined
  return upstreamError(
    'ERR_UPSTREAM',
    `${upstream} responded with bytes from ${part.firstPos}, not from ${firstPos}`,
  )
}

function seconds(date: Date | undefined): number | undefined {
  return date && Math.floor(date.getTime() / 1000)
}

function noop(): void {}
