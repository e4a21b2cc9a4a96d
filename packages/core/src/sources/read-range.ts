// Segments and a source → bytes, exact to the byte.

import { sourceError, type SourceError } from '../errors.ts'
import { isBytes, type Segment } from '../semantics/segments.ts'
import { type ByteRange, byteLength } from '../semantics/range.ts'
import { ChunkReader, isByteStream, toBytes } from './chunk-reader.ts'
import { DiscardPace, nextTurn } from './early-end.ts'
import type { Source } from './source.ts'

/**
 * Yields the bytes of a body, in the pieces that the source gives; throws if the source runs short.
 * The head of a part comes with its first content, so that nothing precedes a source that fails at
 * once.
 *
 * A piece is valid until the next is requested: the source may reuse its memory.
 */
export async function* readBody(
  segments: readonly Segment[],
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined
  for (const segment of segments) {
    if (isBytes(segment)) {
      held = held ? concat(held, segment) : segment
      continue
    }
    for await (const chunk of readRange(source, segment, signal)) {
      yield held ? concat(held, chunk) : chunk
      held = undefined
    }
  }
  if (held) yield held
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + tail.length)
  joined.set(head)
  joined.set(tail, head.length)
  return joined
}

/**
 * Yields exactly the bytes of a range. Excess bytes are cut off; a source that runs short throws
 * `ERR_SOURCE_TOO_SHORT`; a read that ignores the signal is abandoned when it aborts.
 *
 * A piece is valid until the next is requested: the source may reuse its memory.
 */
export async function* readRange(
  source: Pick<Source, 'read'>,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  let missing = byteLength(range)
  const reading = Promise.resolve(source.read(range, { signal }))
  const result = await untilAborted(reading, signal).catch((error: unknown) => {
    reading.then(closeLate, () => {})
    throw error
  })
  const reader = new ChunkReader(isByteStream(result) ? result : once(toBytes(result)))
  const pace = new DiscardPace()
  try {
    while (missing > 0) {
      const chunk = await untilAborted(reader.next(), signal)
      // Only the end of the source is the end of a range without one.
      if (!chunk && missing === Infinity) return
      if (!chunk) throw tooShort(range, missing)
      if (chunk.length === 0) {
        // A source that yields empty chunks forever must not starve the event loop.
        if (pace.count(0)) await nextTurn()
        continue
      }
      const piece = chunk.length > missing ? chunk.subarray(0, missing) : chunk
      missing -= piece.length
      yield piece
    }
  } finally {
    reader.close()
  }
}

/** The error of a source that runs short. */
export function tooShort(range: ByteRange, missing: number): SourceError {
  return sourceError(
    500,
    'ERR_SOURCE_TOO_SHORT',
    `The source ended ${missing} bytes before the end of ${range.firstPos}-${range.lastPos}`,
  )
}

/** Closes a stream that arrives after the read was aborted. */
function closeLate(result: unknown): void {
  if (isByteStream(result)) new ChunkReader(result).close()
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Settles as the promise does, or rejects as soon as the signal aborts. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) {
      // A source that honours the signal rejects too, and nothing else handles that.
      promise.catch(() => {})
      return abort()
    }
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
