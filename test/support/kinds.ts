// The kinds of response that have content, and whether they arrived correctly.

import type { Received } from './clients.ts'
import { parseByteranges } from './multipart.ts'

interface Slice {
  readonly firstPos: number
  readonly lastPos: number
}

/** A kind of response to a request for a representation of some length. */
export interface Kind {
  readonly status: number
  readonly slices: readonly Slice[]
  readonly headers: { Range?: string }
}

/** The full representation, a large part of it, and two large parts. */
export function kindsOfResponse(length: number): readonly [name: string, kind: Kind][] {
  const half = Math.floor(length / 2)
  const of = (status: number, ...slices: [number, number][]): Kind => {
    const ranges = slices.map(([firstPos, lastPos]) => ({ firstPos, lastPos }))
    const set = slices.map(([firstPos, lastPos]) => `${firstPos}-${lastPos}`).join()
    return { status, slices: ranges, headers: status === 206 ? { Range: `bytes=${set}` } : {} }
  }
  return [
    ['200', of(200, [0, length - 1])],
    ['206', of(206, [1000, length - 1])],
    ['multipart 206', of(206, [0, half], [half + 5000, length - 1])],
  ]
}

/** The content that a response must have, without its framing. */
export function contentOf({ type, content }: Received, { slices }: Kind): Buffer {
  if (slices.length === 1) return content
  return Buffer.concat(parseByteranges(type, content).map((part) => part.content))
}

export function expectedOf(whole: Buffer, { slices }: Kind): Buffer {
  const parts = slices.map(({ firstPos, lastPos }) => whole.subarray(firstPos, lastPos + 1))
  return Buffer.concat(parts)
}
