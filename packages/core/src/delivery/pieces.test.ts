import { describe, expect, it } from 'vitest'
import type { DirectSource, ReadCallback } from '../sources/source.ts'
import { Content } from './content.ts'
import { type Pieces, toPieces } from './pieces.ts'

const KiB = 1024
const length = 1024 * KiB
const whole = [{ firstPos: 0, lastPos: length - 1 }]
const signal = () => new AbortController().signal

/** A source that reads when it is told to. */
function controlled(): { readonly source: DirectSource; readonly reads: (() => void)[] } {
  const reads: (() => void)[] = []
  const source = {
    isDirect: true as const,
    length,
    readInto(_target: Uint8Array, count: number, _position: number, done: ReadCallback): void {
      reads.push(() => done(null, count))
    },
    read: () => Promise.reject(new Error('never read so')),
  }
  return { source, reads }
}

async function lengthOfNext(pieces: Pieces, reads: (() => void)[]): Promise<number | undefined> {
  const next = pieces.next()
  reads.pop()!()
  return (await next)?.length
}

describe('pieces of a file', () => {
  it('are small while many responses are under way, and large again after them', async () => {
    const all = Array.from({ length: 129 }, () => {
      const { source, reads } = controlled()
      return { reads, pieces: toPieces(whole, source, signal, { pooled: true, max: Infinity }) }
    })
    const [first, ...others] = all
    expect(await lengthOfNext(first!.pieces, first!.reads)).toBe(64 * KiB)
    for (const { pieces } of others) pieces.close(true)
    expect(await lengthOfNext(first!.pieces, first!.reads)).toBe(192 * KiB)
    first!.pieces.close(true)
  })

  it('are large again after responses that were aborted while they read', async () => {
    const all = Array.from({ length: 129 }, () => {
      const { source, reads } = controlled()
      const content = new Content(whole, source, { pooled: true })
      void content.next()
      void content.close('aborted')
      return reads
    })
    for (const reads of all) reads.pop()!()
    await new Promise((resolve) => setImmediate(resolve))
    const { source, reads } = controlled()
    const pieces = toPieces(whole, source, signal, { pooled: true, max: Infinity })
    expect(await lengthOfNext(pieces, reads)).toBe(192 * KiB)
    pieces.close(true)
  })
})
