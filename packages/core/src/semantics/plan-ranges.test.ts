// RFC 9110 §14 and §15.3.7: which ranges are sent, and in which form.

import { describe, expect, it } from 'vitest'
import { planResponse } from './plan.ts'
import { contentLength, isBytes } from './segments.ts'
import {
  plan,
  part,
  clip,
  now,
  boundary,
  validators,
  whole,
  unsatisfiable,
  notModified,
} from '../../../../test/support/plan.ts'

describe('a 206 of one range', () => {
  it.each<[range: string, firstPos: number, lastPos: number]>([
    ['bytes=0-499', 0, 499], // §14.1.2
    ['bytes=0-0', 0, 0], // 0 is a position
    ['bytes=5-', 5, 9999],
    ['bytes=9999-', 9999, 9999],
    ['bytes=-500', 9500, 9999],
    ['bytes=-1', 9999, 9999],
    ['bytes=0-', 0, 9999], // all of it is still a 206
    ['bytes=0-9999', 0, 9999],
    ['bytes=0-99999', 0, 9999],
    ['bytes=-99999', 0, 9999], // a suffix longer than the representation
    ['BYTES=0-499', 0, 499],
    ['bytes=,0-499 ,', 0, 499],
    ['bytes=20000-,0-4', 0, 4], // only the satisfiable ones
    ['bytes=-0,0-4,10000-', 0, 4],
    ['bytes=0-4,5-9', 0, 9], // touching
    ['bytes=5-9,0-4', 0, 9],
    ['bytes=0-6,4-9', 0, 9], // overlapping
    ['bytes=0-4,0-4,0-4', 0, 4],
    ['bytes=0-4,20-24', 0, 24], // closer than the overhead of a part
    ['bytes=0-99999999999999999999', 0, 9999],
  ])('for %s has the bytes %i to %i', (range, firstPos, lastPos) => {
    expect(plan({ range })).toEqual(part(firstPos, lastPos))
  })

  it('carries the fields of the 200, and no-transform', () => {
    const further = {
      'Cache-Control': 'public, max-age=60',
      Expires: 'Mon, 23 Nov 2026 13:00:00 GMT',
      Vary: 'Origin',
      'Content-Location': '/clip',
      'Content-Disposition': 'attachment',
      'Content-Encoding': 'br',
      'Content-Language': 'en',
      'Set-Cookie': ['a=1', 'b=2'],
    }
    const { headers } = plan({ range: 'bytes=0-4' }, { headers: further })
    expect(headers).toEqual({
      ...part(0, 4).headers,
      ...further,
      'Cache-Control': 'public, max-age=60, no-transform',
    })
  })

  it('has no Content-Type if the 200 has none', () => {
    const { headers } = plan({ range: 'bytes=0-4' }, {}, { length: 10_000 })
    expect(headers).not.toHaveProperty('Content-Type')
    // A type among the further fields is not the representation's.
    const further = { 'content-type': 'text/html' }
    const other = plan({ range: 'bytes=0-4' }, { headers: further }, { length: 10_000 })
    expect(Object.keys(other.headers).map((name) => name.toLowerCase())).not.toContain(
      'content-type',
    )
  })

  it('omits digests of the content of the 200', () => {
    const further = { 'Content-MD5': 'x', 'Content-Digest': 'x', 'Repr-Digest': 'kept' }
    const { headers } = plan({ range: 'bytes=0-4' }, { headers: further })
    expect(headers).toEqual({ ...part(0, 4).headers, 'Repr-Digest': 'kept' })
  })
})

describe('a 206 of several', () => {
  const farApart = 'bytes=5000-5004,0-4,-5'

  it('has type and range in each part, and no Content-Range of its own', () => {
    const planned = planResponse({ headers: { range: farApart } }, clip, { now, boundary })
    const body = planned.body.map((segment) =>
      isBytes(segment) ? Buffer.from(segment).toString() : [segment.firstPos, segment.lastPos],
    )
    const head = (range: string) =>
      `\r\n--THIS_SEPARATES\r\nContent-Type: video/mp4\r\nContent-Range: bytes ${range}/10000\r\n\r\n`
    expect(body).toEqual([
      head('5000-5004'),
      [5000, 5004],
      head('0-4'),
      [0, 4],
      head('9995-9999'),
      [9995, 9999],
      '\r\n--THIS_SEPARATES--\r\n',
    ])
    expect(planned.status).toBe(206)
    expect(planned.headers).toEqual({
      'Accept-Ranges': 'bytes',
      ...validators,
      'Cache-Control': 'no-transform',
      'Content-Type': 'multipart/byteranges; boundary=THIS_SEPARATES',
      'Content-Length': String(contentLength(planned.body)),
    })
  })

  it('has no Content-Type in its parts if the 200 has none', () => {
    const planned = planResponse(
      { headers: { range: farApart } },
      { length: 10_000 },
      { now, boundary },
    )
    expect(planned.headers['Content-Type']).toBe('multipart/byteranges; boundary=THIS_SEPARATES')
    const heads = planned.body.filter(isBytes).map((bytes) => Buffer.from(bytes).toString())
    expect(heads).toEqual([
      '\r\n--THIS_SEPARATES\r\nContent-Range: bytes 5000-5004/10000\r\n\r\n',
      '\r\n--THIS_SEPARATES\r\nContent-Range: bytes 0-4/10000\r\n\r\n',
      '\r\n--THIS_SEPARATES\r\nContent-Range: bytes 9995-9999/10000\r\n\r\n',
      '\r\n--THIS_SEPARATES--\r\n',
    ])
  })

  it('carries Vary if the 200 does', () => {
    const { headers } = plan({ range: farApart }, { headers: { Vary: 'Accept-Encoding' } })
    expect(headers['Vary']).toBe('Accept-Encoding')
  })

  it('is in ascending order if the representation is not seekable', () => {
    const { body } = plan({ range: farApart }, {}, { ...clip, seekable: false })
    expect(body).toEqual(['0-4', '5000-5004', '9995-9999'])
  })

  it('is in the order requested if it is seekable', () => {
    expect(plan({ range: farApart }).body).toEqual(['5000-5004', '0-4', '9995-9999'])
  })

  it('joins overlapping ranges in the place of the first', () => {
    const { body } = plan({ range: 'bytes=5000-5009,0-4,5005-5019,9000-9001' })
    expect(body).toEqual(['5000-5019', '0-4', '9000-9001'])
  })

  it('joins ranges closer than the overhead of a part, and no others', () => {
    const closest = (gap: number) => `bytes=0-4,${5 + gap}-${9 + gap}`
    const head =
      '\r\n--THIS_SEPARATES\r\nContent-Type: video/mp4\r\nContent-Range: bytes 9999-9999/10000\r\n\r\n'
    expect(plan({ range: closest(head.length - 1) })).toEqual(part(0, 8 + head.length))
    expect(plan({ range: closest(head.length) }).body).toHaveLength(2)
  })

  it('has up to maxRanges ranges, by default 100; more get the full response', () => {
    const apart = (count: number) =>
      `bytes=${Array.from({ length: count }, (_, index) => `${index * 1000}-${index * 1000}`).join()}`
    const long = { ...clip, length: 1_000_000 }
    expect(plan({ range: apart(100) }, {}, long).body).toHaveLength(100)
    expect(plan({ range: apart(101) }, {}, long).status).toBe(200)
    expect(plan({ range: apart(101) }, { maxRanges: 101 }, long).body).toHaveLength(101)
    expect(plan({ range: apart(3) }, { maxRanges: 2 }, long).status).toBe(200)
    expect(plan({ range: apart(2) }, { maxRanges: 1 }, long).status).toBe(200)
    expect(plan({ range: apart(1) }, { maxRanges: 1 }, long).status).toBe(206)
    expect(plan({ range: apart(1) }, { maxRanges: 0 }, long).status).toBe(200)
    expect(plan({ range: 'bytes=0-4,3-9' }, { maxRanges: 0 }, long).status).toBe(200)
    expect(plan({ range: 'bytes=1000000-' }, { maxRanges: 0 }, long).status).toBe(416) // unsatisfiable sets have no range to count
  })

  it('counts ranges after joining', () => {
    const range = `bytes=${'0-4,'.repeat(500)}5000-5004`
    expect(plan({ range }).body).toEqual(['0-4', '5000-5004'])
  })

  it('becomes the full response if it would be no shorter', () => {
    const { headers } = plan({ range: 'bytes=0-999,2000-9999' })
    const overhead = Number(headers['Content-Length']) - 9000
    // The gap saves as much as the heads of the parts cost, and then one byte more.
    expect(plan({ range: `bytes=0-999,${1000 + overhead}-9999` })).toEqual(whole)
    const fewer = plan({ range: `bytes=0-999,${1001 + overhead}-9999` })
    expect(fewer.headers['Content-Length']).toBe('9999')
    expect(fewer.body).toHaveLength(2)
  })

  it('has a random boundary by default', () => {
    const types = Array.from({ length: 20 }, () => {
      return planResponse({ headers: { range: farApart } }, clip).headers['Content-Type']
    })
    expect(new Set(types).size).toBe(20)
    for (const type of types) expect(type).toMatch(/^multipart\/byteranges; boundary=[0-9a-z]{24}$/)
  })
})

describe('a representation that is not seekable', () => {
  const mebibyte = 1024 * 1024
  const stream = { length: 200 * mebibyte, seekable: false }

  it.each<[what: string, range: string, maxSkip: number | undefined, status: number]>([
    ['as much as the default', `bytes=${64 * mebibyte}-`, undefined, 206],
    ['more than the default', `bytes=${64 * mebibyte + 1}-`, undefined, 200],
    ['nothing', 'bytes=0-4', 0, 206],
    ['one byte too many', 'bytes=1-4', 0, 200],
    ['as much as maxSkip', 'bytes=1000-1004', 1000, 206],
    ['both gaps, as much as maxSkip', 'bytes=100-199,1200-1299', 1100, 206],
    ['both gaps, one byte too many', 'bytes=100-199,1200-1299', 1099, 200],
    ['both gaps, in another order', 'bytes=1200-1299,100-199', 1099, 200],
    ['the gap before overlapping ranges once', 'bytes=100-2000,100-3000', 100, 206],
    ['any number of bytes', `bytes=-1`, Infinity, 206],
    ['nothing for an unsatisfiable set', 'bytes=-0', 0, 416],
  ])('is planned by the bytes to skip, %s: %s', (_, range, maxSkip, status) => {
    const options = maxSkip === undefined ? {} : { maxSkip }
    expect(plan({ range }, options, stream).status).toBe(status)
    if (maxSkip !== Infinity && status !== 416) {
      expect(plan({ range }, options, { length: stream.length }).status).toBe(206)
    }
  })
})

describe('maxResponse', () => {
  // §15.3.7: "a server might want to send only a subset of the data requested".
  it.each<[range: string, maxResponse: number, expected: object]>([
    ['bytes=0-', 100, part(0, 99)],
    ['bytes=500-', 100, part(500, 599)],
    ['bytes=9950-', 100, part(9950, 9999)], // less is left
    ['bytes=9900-', 100, part(9900, 9999)],
    ['bytes=9899-', 100, part(9899, 9998)],
    ['bytes=0-', 1, part(0, 0)],
    ['bytes=9999-', 1, part(9999, 9999)],
    ['bytes=0-', 10_000, part(0, 9999)],
    ['bytes=0-', Infinity, part(0, 9999)],
    ['bytes= 0-', 100, part(0, 99)],
    ['bytes=,0-,', 100, part(0, 99)],
    ['bytes=0-499', 100, part(0, 499)], // the client says how much
    ['bytes=0-9999', 100, part(0, 9999)],
    ['bytes=0-99999', 100, part(0, 9999)],
    ['bytes=-500', 100, part(9500, 9999)],
    ['bytes=-99999', 100, part(0, 9999)],
    ['bytes=0-,5000-', 100, part(0, 9999)], // several ranges, though one part
    ['bytes=5000-,99999-', 100, part(5000, 9999)],
    ['bytes=10000-', 100, unsatisfiable],
    ['bytes=0', 100, whole],
    // Impossible values are refused by the calls that take options; here they limit nothing.
    ['bytes=0-', 0, part(0, 9999)],
    ['bytes=0-', NaN, part(0, 9999)],
    ['bytes=0-', 1.5, part(0, 0)],
  ])('%s, at most %d', (range, maxResponse, expected) => {
    expect(plan({ range }, { maxResponse })).toEqual(expected)
  })

  it('limits only a range that applies, and only for GET', () => {
    const range = 'bytes=0-'
    const options = { maxResponse: 100 }
    expect(plan({ range, 'if-range': '"v1"' }, options)).toEqual(part(0, 99))
    expect(plan({ range, 'if-range': '"v2"' }, options)).toEqual(whole)
    expect(plan({ range, 'if-none-match': '"v1"' }, options)).toEqual(notModified)
    expect(plan({}, options)).toEqual(whole)
    const head = planResponse({ method: 'HEAD', headers: { range } }, clip, { now, ...options })
    expect(head.headers['Content-Length']).toBe('10000')
  })
})
