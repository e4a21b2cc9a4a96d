// A small body, read into one buffer: its ranges side by side.

import { toError } from '../errors.ts'
import { isBytes, type Segment } from '../semantics/segments.ts'
import { type ByteRange, byteLength } from '../semantics/range.ts'
import { tooShort } from '../sources/read-range.ts'
import type { DirectSource } from '../sources/source.ts'

/**
 * Reads a body into a buffer that is large enough for it.
 *
 * @returns a promise, unless the source can be read synchronously; no read is in flight once it
 *   settles
 */
export function gather(
  segments: readonly Segment[],
  source: DirectSource,
  target: Buffer,
): Promise<unknown> | undefined {
  const [only] = segments
  if (segments.length === 1 && only && !isBytes(only)) return begin(source, target, only)
  const reads: Promise<void>[] = []
  let position = 0
  for (const segment of segments) {
    if (isBytes(segment)) {
      target.set(segment, position)
      position += segment.length
    } else {
      const reading = begin(source, target.subarray(position), segment)
      if (reading) reads.push(reading)
      position += byteLength(segment)
    }
  }
  if (reads.length === 0) return undefined
  // Waits for all reads, even if one has failed: until the last completes, the target is in use.
  return Promise.allSettled(reads).then((results) => {
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return undefined
  })
}

/** Begins to read a range. Throws nothing: others may be under way, or nothing wait for it. */
function begin(
  source: DirectSource,
  target: Uint8Array,
  range: ByteRange,
): Promise<void> | undefined {
  try {
    return readRange(source, target, range)
  } catch (error) {
    return Promise.reject(toError(error))
  }
}

/** Reads a range: at once as far as the source allows, and the rest asynchronously. */
function readRange(
  source: DirectSource,
  target: Uint8Array,
  range: ByteRange,
): Promise<void> | undefined {
  const length = byteLength(range)
  let done = 0
  while (source.readSync && done < length) {
    const room = done === 0 ? target : target.subarray(done)
    const count = source.readSync(room, length - done, range.firstPos + done)
    if (count === undefined) break
    if (count === 0) throw tooShort(range, length - done)
    done += count
  }
  if (done === length) return undefined
  return readRangeInto(source, done === 0 ? target : target.subarray(done), {
    firstPos: range.firstPos + done,
    lastPos: range.lastPos,
  })
}

function readRangeInto(source: DirectSource, target: Uint8Array, range: ByteRange): Promise<void> {
  return new Promise((resolve, reject) => {
    const read = (room: Uint8Array, missing: number): void => {
      source.readInto!(room, missing, range.lastPos + 1 - missing, (error, count) => {
        if (error) reject(error)
        else if (count === missing) resolve()
        else if (count === 0) reject(tooShort(range, missing))
        else read(room.subarray(count), missing - count)
      })
    }
    read(target, byteLength(range))
  })
}
