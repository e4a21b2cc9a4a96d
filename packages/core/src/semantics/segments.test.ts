import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatByteranges } from './byteranges.ts'
import { contentLength, Cut, isBytes, isRange, overlap, type Segment } from './segments.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251)

describe('contentLength', () => {
  it('adds up bytes and ranges', () => {
    expect(contentLength([])).toBe(0)
    expect(contentLength([{ firstPos: 0, lastPos: 0 }])).toBe(1)
    expect(contentLength([new Uint8Array(3), { firstPos: 5, lastPos: 9 }, Buffer.from('ab')])).toBe(
      10,
    )
  })
})

describe('isBytes and isRange', () => {
  it('distinguish bytes from ranges', () => {
    const segments: Segment[] = [new Uint8Array(0), Buffer.from('a'), { firstPos: 0, lastPos: 0 }]
    expect(segments.map(isBytes)).toEqual([true, true, false])
    expect(segments.map(isRange)).toEqual([false, false, true])
  })
})

describe('overlap', () => {
  it.each<
    [chunk: [number, number], range: [number, number], expected: [number, number] | undefined]
  >([
    [
      [0, 9],
      [0, 9],
      [0, 9],
    ],
    [
      [0, 9],
      [0, 0],
      [0, 0],
    ],
    [
      [0, 9],
      [9, 9],
      [9, 9],
    ],
    [
      [0, 9],
      [3, 5],
      [3, 5],
    ],
    [
      [10, 19],
      [0, 100],
      [10, 19],
    ], // the chunk lies inside the range
    [
      [10, 19],
      [5, 12],
      [10, 12],
    ],
    [
      [10, 19],
      [15, 30],
      [15, 19],
    ],
    [[10, 19], [0, 9], undefined], // the range ends before the chunk
    [[10, 19], [20, 29], undefined], // the range starts after the chunk
    [[10, 19], [0, 3], undefined],
  ])('of the chunk %j and the range %j is %j', ([from, to], [firstPos, lastPos], expected) => {
    const chunk = bytes.subarray(from, to + 1)
    const found = overlap(chunk, from, { firstPos, lastPos })
    expect([...found]).toEqual(expected ? [...bytes.subarray(expected[0], expected[1] + 1)] : [])
  })

  it('does not copy', () => {
    expect(overlap(bytes, 0, { firstPos: 5, lastPos: 9 }).buffer).toBe(bytes.buffer)
  })
})

describe('Cut', () => {
  it('returns the bytes of a range, and is done with its last byte', () => {
    const cut = new Cut([{ firstPos: 5, lastPos: 14 }])
    expect(shown(cut.push(bytes.subarray(0, 5)))).toEqual([])
    expect(shown(cut.push(bytes.subarray(5, 10)))).toEqual([[5, 6, 7, 8, 9]])
    expect(cut.done).toBe(false)
    expect(shown(cut.push(bytes.subarray(10, 20)))).toEqual([[10, 11, 12, 13, 14]])
    expect(cut.done).toBe(true)
    expect(cut.push(bytes.subarray(20, 30))).toEqual([])
  })

  it('is done from the start if the body is empty', () => {
    const cut = new Cut([])
    expect(cut.done).toBe(true)
    expect(cut.push(bytes)).toEqual([])
  })

  it('accepts empty chunks', () => {
    const cut = new Cut([{ firstPos: 0, lastPos: 1 }])
    expect(cut.push(new Uint8Array(0))).toEqual([])
    expect(cut.done).toBe(false)
    expect(shown(cut.push(bytes.subarray(0, 1)))).toEqual([[0]])
    expect(cut.push(new Uint8Array(0))).toEqual([])
    expect(shown(cut.push(bytes.subarray(1, 2)))).toEqual([[1]])
    expect(cut.done).toBe(true)
  })

  it('holds the head of a part back until its first byte', () => {
    const [head, next, tail] = [Buffer.from('head'), Buffer.from('next'), Buffer.from('tail')]
    const cut = new Cut([
      head,
      { firstPos: 2, lastPos: 3 },
      next,
      { firstPos: 8, lastPos: 8 },
      tail,
    ])
    expect(cut.push(bytes.subarray(0, 2))).toEqual([])
    expect(cut.push(bytes.subarray(2, 3))).toEqual([head, bytes.subarray(2, 3)])
    expect(cut.push(bytes.subarray(3, 8))).toEqual([bytes.subarray(3, 4)])
    expect(cut.push(bytes.subarray(8, 9))).toEqual([next, bytes.subarray(8, 9), tail])
    expect(cut.done).toBe(true)
  })

  it('returns the same body however the representation is chunked', () => {
    fc.assert(
      fc.property(
        ascending(),
        fc.array(fc.nat({ max: 300 })),
        fc.boolean(),
        (ranges, sizes, multi) => {
          const segments: Segment[] = multi
            ? formatByteranges(ranges, 1000, 'a/b', 'BOUNDARY')
            : ranges
          const expected = segments.map((segment) =>
            isBytes(segment) ? segment : bytes.subarray(segment.firstPos, segment.lastPos + 1),
          )
          const cut = new Cut(segments)
          const sent: Uint8Array[] = []
          let position = 0
          for (const size of [...sizes, 1000]) {
            if (cut.done) break
            const chunk = bytes.subarray(position, position + size)
            position += chunk.length
            const pieces = cut.push(chunk)
            for (const piece of pieces) expect(piece.length).toBeGreaterThan(0)
            sent.push(...pieces)
            // Done with the last byte, so that the source can be closed at once.
            expect(cut.done).toBe(position > ranges.at(-1)!.lastPos)
          }
          expect(Buffer.concat(sent).equals(Buffer.concat(expected))).toBe(true)
          expect(cut.done).toBe(true)
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

function shown(pieces: Uint8Array[]): number[][] {
  return pieces.map((piece) => [...piece])
}

/** Ranges in ascending order that do not overlap. */
function ascending() {
  return fc
    .uniqueArray(fc.nat({ max: 499 }), { minLength: 2, maxLength: 12 })
    .map((positions) => positions.toSorted((a, b) => a - b).slice(positions.length % 2))
    .map((positions) =>
      positions.flatMap((firstPos, index) =>
        index % 2 === 0 ? [{ firstPos: firstPos * 2, lastPos: positions[index + 1]! * 2 - 1 }] : [],
      ),
    )
}
