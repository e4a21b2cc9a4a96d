// A body as a list of segments, and how to cut one out of bytes that can be read only once.

import { type ByteRange, byteLength } from './range.ts'

/** Bytes to send as they are, or a range to copy from the source. */
export type Segment = Uint8Array | ByteRange

/** Whether a segment is bytes to send as they are. */
export function isBytes(segment: Segment): segment is Uint8Array {
  return segment instanceof Uint8Array
}

/** Whether a segment is a range to copy from the source. */
export function isRange(segment: Segment): segment is ByteRange {
  return !(segment instanceof Uint8Array)
}

/** The Content-Length of a body made of these segments. */
export function contentLength(segments: readonly Segment[]): number {
  let length = 0
  for (const segment of segments) length += isBytes(segment) ? segment.length : byteLength(segment)
  return length
}

/** The part of a chunk that lies in a range; `position` is that of the chunk's first byte. */
export function overlap(chunk: Uint8Array, position: number, range: ByteRange): Uint8Array {
  const from = Math.max(0, range.firstPos - position)
  const to = Math.min(chunk.length, range.lastPos + 1 - position)
  return from < to ? chunk.subarray(from, to) : chunk.subarray(0, 0)
}

/**
 * Cuts a body out of a representation's chunks, pushed one after another from the first byte. The
 * ranges among the segments must be ascending and must not overlap, unless the representation is pushed
 * as one chunk.
 */
export class Cut {
  readonly #segments: readonly Segment[]
  #index = 0
  #position = 0

  constructor(segments: readonly Segment[]) {
    this.#segments = segments
  }

  /** Whether every byte of the body has been returned. */
  get done(): boolean {
    return this.#index === this.#segments.length
  }

  /** Takes the next chunk of the representation and returns the bytes to send for it. */
  push(chunk: Uint8Array): Uint8Array[] {
    const sent: Uint8Array[] = []
    const end = this.#position + chunk.length
    while (!this.done) {
      const segment = this.#segments[this.#index]!
      if (isBytes(segment)) {
        // A part's head is held back until its first byte, in case the source fails in between.
        if (this.#isNextBeyond(end)) break
        sent.push(segment)
      } else {
        const piece = overlap(chunk, this.#position, segment)
        if (piece.length > 0) sent.push(piece)
        if (segment.lastPos >= end) break
      }
      this.#index++
    }
    this.#position = end
    return sent
  }

  /** Whether the range after the current segment starts at `end` or later. */
  #isNextBeyond(end: number): boolean {
    const next = this.#segments[this.#index + 1]
    return next !== undefined && !isBytes(next) && next.firstPos >= end
  }
}
