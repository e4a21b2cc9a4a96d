// RFC 9110 §14.6, and RFC 2046 §5.1.1 for the framing.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatByteranges, partOverhead } from './byteranges.ts'
import type { ByteRange } from './range.ts'
import { contentLength, isBytes, type Segment } from './segments.ts'

const content = Uint8Array.from({ length: 8000 }, (_, index) => index % 251)

describe('formatByteranges', () => {
  it('writes the example of §14.6', () => {
    const ranges = [
      { firstPos: 500, lastPos: 999 },
      { firstPos: 7000, lastPos: 7999 },
    ]
    const segments = formatByteranges(ranges, 8000, 'application/pdf', 'THIS_STRING_SEPARATES')
    expect(segments.map((segment) => (isBytes(segment) ? latin1(segment) : segment))).toEqual([
      '\r\n--THIS_STRING_SEPARATES\r\n' +
        'Content-Type: application/pdf\r\n' +
        'Content-Range: bytes 500-999/8000\r\n' +
        '\r\n',
      { firstPos: 500, lastPos: 999 },
      '\r\n--THIS_STRING_SEPARATES\r\n' +
        'Content-Type: application/pdf\r\n' +
        'Content-Range: bytes 7000-7999/8000\r\n' +
        '\r\n',
      { firstPos: 7000, lastPos: 7999 },
      '\r\n--THIS_STRING_SEPARATES--\r\n',
    ])
  })

  it('omits Content-Type if the representation has no type', () => {
    const [head] = formatByteranges([{ firstPos: 0, lastPos: 1 }], 8000, undefined, 'b')
    expect(latin1(head as Uint8Array)).toBe('\r\n--b\r\nContent-Range: bytes 0-1/8000\r\n\r\n')
  })

  it('encodes the type of a part as a header field does', () => {
    // Node writes fields as Latin-1, so é is one octet there (§5.5, obs-text).
    const [head] = formatByteranges([{ firstPos: 0, lastPos: 1 }], 8000, 'text/x; a="\u00e9"', 'b')
    expect(latin1(head as Uint8Array)).toContain('Content-Type: text/x; a="\u00e9"\r\n')
  })

  it('writes parts that hold what their Content-Range says', () => {
    const range = fc
      .tuple(fc.nat({ max: 7999 }), fc.nat({ max: 300 }))
      .map(([firstPos, more]) => ({ firstPos, lastPos: Math.min(7999, firstPos + more) }))
    const type = fc.constantFrom(undefined, 'video/mp4', 'text/html; charset=utf-8')
    fc.assert(
      fc.property(
        fc.array(range, { minLength: 1, maxLength: 6 }),
        type,
        fc.stringMatching(/^[0-9A-Z]{16,30}$/),
        (ranges, mediaType, boundary) => {
          const segments = formatByteranges(ranges, content.length, mediaType, boundary)
          const body = assemble(segments)
          expect(contentLength(segments)).toBe(body.length)
          const parts = takeApart(body, boundary)
          expect(parts.map(({ fields }) => fields['content-range'])).toEqual(
            ranges.map(({ firstPos, lastPos }) => `bytes ${firstPos}-${lastPos}/${content.length}`),
          )
          for (const [index, part] of parts.entries()) {
            const { firstPos, lastPos } = ranges[index]!
            expect(part.fields['content-type']).toBe(mediaType)
            expect(part.content.equals(content.subarray(firstPos, lastPos + 1))).toBe(true)
          }
        },
      ),
      { numRuns: 10_000 },
    )
  })
})

describe('partOverhead', () => {
  it('is the most that one more part adds', () => {
    const length = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2 ** 50 }))
    const type = fc.constantFrom(undefined, 'video/mp4', 'text/plain; x="\u00e9"')
    fc.assert(
      fc.property(length, type, fc.nat(), fc.nat(), (completeLength, mediaType, a, b) => {
        const first = { firstPos: 0, lastPos: 0 }
        const firstPos = Math.min(a % completeLength, b % completeLength)
        const range = { firstPos, lastPos: Math.max(a % completeLength, b % completeLength) }
        const last = { firstPos: completeLength - 1, lastPos: completeLength - 1 }
        const cost = (part: ByteRange) =>
          overhead([first, part], completeLength, mediaType) -
          overhead([first], completeLength, mediaType)
        const most = partOverhead(completeLength, mediaType, 'boundary')
        expect(cost(range)).toBeLessThanOrEqual(most)
        expect(cost(last)).toBe(most)
      }),
      { numRuns: 5_000 },
    )
  })
})

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function assemble(segments: readonly Segment[]): Buffer {
  return Buffer.concat(
    segments.map((segment) =>
      isBytes(segment) ? segment : content.subarray(segment.firstPos, segment.lastPos + 1),
    ),
  )
}

function overhead(ranges: ByteRange[], completeLength: number, type: string | undefined): number {
  return formatByteranges(ranges, completeLength, type, 'boundary')
    .filter(isBytes)
    .reduce((sum, bytes) => sum + bytes.length, 0)
}

/** A multipart parser that shares no code with the formatter. */
function takeApart(body: Buffer, boundary: string) {
  const parts: { fields: Record<string, string>; content: Buffer }[] = []
  let delimiter = body.indexOf(`\r\n--${boundary}`)
  expect(delimiter).toBe(0)
  for (;;) {
    const afterDelimiter = body.indexOf(`--${boundary}`, delimiter) + 2 + boundary.length
    const rest = body.subarray(afterDelimiter, afterDelimiter + 4).toString('latin1')
    if (rest === '--\r\n') {
      expect(afterDelimiter + 4).toBe(body.length)
      return parts
    }
    expect(rest.slice(0, 2)).toBe('\r\n')
    const blank = body.indexOf('\r\n\r\n', afterDelimiter)
    const lines = body
      .subarray(afterDelimiter + 2, blank)
      .toString('latin1')
      .split('\r\n')
    const fields = lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ])
    delimiter = body.indexOf(`\r\n--${boundary}`, blank + 4)
    expect(delimiter).toBeGreaterThan(blank)
    parts.push({ fields: Object.fromEntries(fields), content: body.subarray(blank + 4, delimiter) })
  }
}
