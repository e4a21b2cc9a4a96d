// A body as a list of segments, and the cutting of one out of bytes that only pass by once.

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

/** The part of a chunk that lies in a range, if the chunk's first byte is at `position`. */
export function overlap(chunk: Uint8Array, position: number, range: ByteRange): Uint8Array {
  const from = Math.max(0, range.firstPos - position)
  const to = Math.min(chunk.length, range.lastPos + 1 - position)
  return from < to ? chunk.subarray(from, to) : chunk.subarray(0, 0)
}

/**
 * Makes a body out of a representation's chunks as they pass: pushed one after the other, they come
 * back as the bytes to send. The segments' ranges must be ascending and apart.
 */
export class Cut {
  readonly #segments: readonly Segment[]
  #index = 0
  #position = 0

  constructor(segments: readonly Segment[]) {
    this.#segments = segments
  }

  /** Whether all bytes of the body have come out. */
  get done(): boolean {
    return this.#index === this.#segments.length
  }

  /** Takes the next chunk of the representation, and gives what of the body it completes. */
  push(chunk: Uint8Array): Uint8Array[] {
    const sent: Uint8Array[] = []
    const end = this.#position + chunk.length
    while (!this.done) {
      const segment = this.#segments[this.#index]!
      if (isBytes(segment)) {
        // The head of a part goes out with its first byte, or a failing source would leave it bare.
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

  /** Whether the range behind the bytes that are due starts at `end` or later. */
  #isNextBeyond(end: number): boolean {
    const next = this.#segments[this.#index + 1]
    return next !== undefined && !isBytes(next) && next.firstPos >= end
  }
}
