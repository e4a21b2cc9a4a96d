// A small body, read into one buffer: its ranges side by side.

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
  if (source.readSync) return gatherSync(segments, source, target)
  const [only] = segments
  if (segments.length === 1 && only && !isBytes(only)) return readRangeInto(source, target, only)
  const reads: Promise<void>[] = []
  let position = 0
  for (const segment of segments) {
    if (isBytes(segment)) {
      target.set(segment, position)
      position += segment.length
    } else {
      reads.push(readRangeInto(source, target.subarray(position), segment))
      position += byteLength(segment)
    }
  }
  // Waits for all reads, even if one has failed: until the last completes, the target is in use.
  return Promise.allSettled(reads).then((results) => {
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
}

function gatherSync(segments: readonly Segment[], source: DirectSource, target: Buffer): undefined {
  let position = 0
  for (const segment of segments) {
    if (isBytes(segment)) {
      target.set(segment, position)
      position += segment.length
      continue
    }
    for (let { firstPos } = segment; firstPos <= segment.lastPos;) {
      const missing = segment.lastPos + 1 - firstPos
      const count = source.readSync!(target.subarray(position), missing, firstPos)
      if (count === 0) throw tooShort(segment, missing)
      firstPos += count
      position += count
    }
  }
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
