// RFC 9110 §13.2.2, §14.2, §15.3.7, §15.5.17, and the decisions of this project if the RFC leaves a
// choice.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { planResponse, type ResponsePlan } from './plan.ts'
import type { PlanOptions } from './plan-options.ts'
import type { ByteRange } from './range.ts'
import type { Representation } from './representation.ts'
import { contentLength, isBytes, isRange } from './segments.ts'

const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251)
const modified = 'Tue, 03 Nov 2026 12:00:00 GMT'
const now = Date.parse('2026-11-23T12:00:00Z')
const boundary = () => 'THIS_SEPARATES'
const clip: Representation = {
  length: 10_000,
  type: 'video/mp4',
  etag: '"v1"',
  lastModified: new Date(modified),
}
const validators = { ETag: '"v1"', 'Last-Modified': modified }
const whole = {
  status: 200,
  headers: {
    'Accept-Ranges': 'bytes',
    ...validators,
    'Content-Type': 'video/mp4',
    'Content-Length': '10000',
  },
  body: ['0-9999'],
}
const unsatisfiable = {
  status: 416,
  headers: {
    'Accept-Ranges': 'bytes',
    'Content-Range': 'bytes */10000',
    'Content-Length': '0',
  },
  body: [],
}
const notModified = {
  status: 304,
  headers: { 'Accept-Ranges': 'bytes', ...validators },
  body: [],
}
const preconditionFailed = {
  status: 412,
  headers: { 'Accept-Ranges': 'bytes', 'Content-Length': '0' },
  body: [],
}

function part(firstPos: number, lastPos: number) {
  return {
    status: 206,
    headers: {
      'Accept-Ranges': 'bytes',
      ...validators,
      'Cache-Control': 'no-transform',
      'Content-Type': 'video/mp4',
      'Content-Range': `bytes ${firstPos}-${lastPos}/10000`,
      'Content-Length': String(lastPos - firstPos + 1),
    },
    body: [`${firstPos}-${lastPos}`],
  }
}

type Fields = Record<string, string | string[]>

describe('a 200', () => {
  it('has Accept-Ranges, the validators, the type and the length', () => {
    expect(plan({})).toEqual(whole)
  })

  it('is planned for GET if the request has no method', () => {
    expect(shown(planResponse({ headers: {} }, clip, { now }))).toEqual(whole)
  })

  it('has the same fields but no content for HEAD', () => {
    expect(plan({}, { method: 'HEAD' })).toEqual({ ...whole, body: [] }) // §9.3.2
  })

  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'is the response to %s, with or without Range',
    (method) => {
      // §14.2: MUST ignore Range for methods other than GET.
      for (const range of ['bytes=0-4', 'bytes=20000-', 'bytes=-0']) {
        const { status, headers } = plan({ range }, { method })
        expect({ status, headers }).toEqual({ status: 200, headers: whole.headers })
      }
    },
  )

  it.each(['POST', 'PUT', 'DELETE'])(
    'is the response to %s, with or without preconditions',
    (method) => {
      const headers = { 'if-match': '"v2"', 'if-none-match': '"v1"' }
      expect(plan(headers, { method }).status).toBe(200)
    },
  )

  it('omits the fields of missing metadata', () => {
    expect(plan({}, {}, { length: 3 })).toEqual({
      status: 200,
      headers: { 'Accept-Ranges': 'bytes', 'Content-Length': '3' },
      body: ['0-2'],
    })
  })

  it('has no Last-Modified later than the response, §8.8.2.1', () => {
    const lastModified = new Date(now + 5000)
    const { headers } = plan({}, {}, { length: 3, lastModified })
    expect(headers['Last-Modified']).toBe('Mon, 23 Nov 2026 12:00:00 GMT')
  })

  it('has no content if the representation is empty', () => {
    expect(plan({}, {}, { length: 0 })).toMatchObject({
      status: 200,
      headers: { 'Content-Length': '0' },
      body: [],
    })
  })

  it('carries the Cache-Control of the caller unchanged', () => {
    const { headers } = plan({}, { headers: { 'cache-control': 'max-age=60' } })
    expect(headers['Cache-Control']).toBe('max-age=60')
    expect(plan({}).headers).not.toHaveProperty('Cache-Control')
  })
})

describe('a Range that does not apply', () => {
  it.each([
    ['another unit', 'items=0-4'], // §14.2
    ['no unit', '0-4'],
    ['bad grammar', 'bytes=a-b'],
    ['no range-spec', 'bytes='],
    ['last-pos < first-pos', 'bytes=5-2'], // §14.1.1
    ['one last-pos < first-pos', 'bytes=0-4,5-2'],
    ['one last-pos < first-pos beyond the end', 'bytes=0-4,20000-10000'],
  ])('is ignored: %s, %j', (_, range) => {
    expect(plan({ range })).toEqual(whole)
  })

  it('is ignored if it has several field lines', () => {
    expect(plan({ range: ['bytes=0-4', 'bytes=6-8'] })).toEqual(whole)
    expect(plan({ range: ['bytes=0-4', '6-8'] })).toEqual(whole)
    // As Node joins them: a valid set that the client never sent.
    const rawHeaders = ['Range', 'bytes=0-4', 'Host', 'a', 'RANGE', '6000-6008']
    const headers = { range: 'bytes=0-4, 6000-6008', host: 'a' }
    expect(shown(planResponse({ headers, rawHeaders }, clip, { now }))).toEqual(whole)
  })

  it('applies if one field line has a list', () => {
    const rawHeaders = ['Range', 'bytes=0-4, 6000-6008', 'Host', 'range']
    const headers = { range: 'bytes=0-4, 6000-6008', host: 'range' }
    expect(planResponse({ headers, rawHeaders }, clip, { now }).status).toBe(206)
    expect(planResponse({ headers: new Headers(headers) }, clip, { now }).status).toBe(206)
  })

  it('is ignored for an empty representation, since Content-Range has no form for it', () => {
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-5', 'bytes=-0', 'bytes=5-2']) {
      expect(plan({ range }, {}, { ...clip, length: 0 })).toMatchObject({
        status: 200,
        headers: { 'Content-Length': '0' },
        body: [],
      })
    }
  })

  it('is ignored if acceptRanges is false', () => {
    const { status, headers } = plan({ range: 'bytes=0-4' }, { acceptRanges: false })
    expect(status).toBe(200)
    expect(headers['Accept-Ranges']).toBe('none') // §14.3
  })
})

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

describe('a 416', () => {
  it.each([
    ['bytes=10000-'], // first-pos >= length
    ['bytes=10000-10000'],
    ['bytes=-0'], // an empty suffix
    ['bytes=20000-,-0,30000-40000'],
    ['bytes=99999999999999999999999-'],
  ])('is the response to %s', (range) => {
    expect(plan({ range })).toEqual(unsatisfiable)
  })

  it('keeps fields about the exchange and omits those about the representation', () => {
    const about = {
      'Access-Control-Allow-Origin': '*',
      Vary: 'Origin',
      'Set-Cookie': ['a=1', 'b=2'],
    }
    const of = {
      'Content-Encoding': 'br',
      'content-language': 'en',
      'Content-Disposition': 'attachment',
      'Content-Location': '/clip',
      'CACHE-CONTROL': 'max-age=60',
      Expires: 'Mon, 23 Nov 2026 13:00:00 GMT',
      ETag: '"other"',
    }
    const { headers } = plan({ range: 'bytes=-0' }, { headers: { ...about, ...of } })
    expect(headers).toEqual({ ...unsatisfiable.headers, ...about })
  })
})

describe('the preconditions, in the order of §13.2.2', () => {
  it.each<[what: string, fields: Fields, expected: unknown]>([
    ['If-Match fails', { 'if-match': '"v2"' }, preconditionFailed],
    [
      'If-Match fails, with a Range',
      { 'if-match': '"v2"', range: 'bytes=0-4' },
      preconditionFailed,
    ],
    ['If-Match with a weak tag', { 'if-match': 'W/"v1"' }, preconditionFailed],
    [
      'If-Unmodified-Since fails',
      { 'if-unmodified-since': 'Mon, 02 Nov 2026 12:00:00 GMT' },
      preconditionFailed,
    ],
    [
      'If-Match and If-None-Match',
      { 'if-match': '"v2"', 'if-none-match': '"v1"' },
      preconditionFailed,
    ],
    ['If-None-Match', { 'if-none-match': '"v1"' }, notModified],
    ['If-None-Match, a comma inside a tag', { 'if-none-match': '"a,"v1"' }, whole],
    ['If-None-Match, a comma inside another tag', { 'if-none-match': '"a,b", "v1"' }, notModified],
    ['If-None-Match with a Range', { 'if-none-match': '"v1"', range: 'bytes=0-4' }, notModified],
    [
      'If-None-Match with an unsatisfiable Range',
      { 'if-none-match': '"v1"', range: 'bytes=-0' },
      notModified,
    ],
    [
      'If-None-Match before If-Modified-Since',
      { 'if-none-match': '"v2"', 'if-modified-since': modified },
      whole,
    ],
    ['If-Modified-Since', { 'if-modified-since': modified }, notModified],
    ['If-Modified-Since, invalid', { 'if-modified-since': 'never' }, whole],
    [
      'no-cache does not disable it',
      { 'if-none-match': '"v1"', 'cache-control': 'no-cache', pragma: 'no-cache' },
      notModified,
    ],
    [
      'all hold, with a Range',
      { 'if-match': '"v1"', 'if-none-match': '"v2"', range: 'bytes=0-4' },
      part(0, 4),
    ],
    // §13.1.5, and only with a Range.
    ['If-Range without Range', { 'if-range': '"v2"' }, whole],
    ['If-Range holds', { 'if-range': '"v1"', range: 'bytes=0-4' }, part(0, 4)],
    ['If-Range holds by date', { 'if-range': modified, range: 'bytes=0-4' }, part(0, 4)],
    ['If-Range fails', { 'if-range': '"v2"', range: 'bytes=0-4' }, whole],
    ['If-Range with a weak tag', { 'if-range': 'W/"v1"', range: 'bytes=0-4' }, whole],
    [
      'If-Range with a merely later date',
      { 'if-range': 'Wed, 04 Nov 2026 12:00:00 GMT', range: 'bytes=0-4' },
      whole,
    ],
    [
      'If-Range with an earlier date',
      { 'if-range': 'Mon, 02 Nov 2026 12:00:00 GMT', range: 'bytes=0-4' },
      whole,
    ],
    [
      'If-Range fails, with an unsatisfiable Range',
      { 'if-range': '"v2"', range: 'bytes=-0' },
      whole,
    ],
    [
      'If-Range holds, with an unsatisfiable Range',
      { 'if-range': '"v1"', range: 'bytes=-0' },
      unsatisfiable,
    ],
    ['If-Range holds, with an invalid Range', { 'if-range': '"v1"', range: 'bytes=5-2' }, whole],
    [
      'If-Range in several field lines',
      { 'if-range': ['"v1"', '"v1"'], range: 'bytes=0-4' },
      whole,
    ],
    [
      'If-None-Match before If-Range',
      { 'if-none-match': '"v1"', 'if-range': '"v2"', range: 'bytes=0-4' },
      notModified,
    ],
  ])('%s', (_, fields, expected) => {
    expect(plan(fields)).toEqual(expected)
  })

  it('apply to HEAD, except If-Range', () => {
    expect(plan({ 'if-none-match': '"v1"' }, { method: 'HEAD' })).toEqual(notModified)
    expect(plan({ 'if-match': '"v2"' }, { method: 'HEAD' })).toEqual(preconditionFailed)
    const { status } = plan({ 'if-range': '"v1"', range: 'bytes=0-4' }, { method: 'HEAD' })
    expect(status).toBe(200)
  })

  it('lead to a 304 with the caching fields of the 200, without those of its content, §15.4.5', () => {
    const kept = {
      'Cache-Control': 'max-age=60',
      Expires: 'Mon, 23 Nov 2026 13:00:00 GMT',
      Vary: 'Origin',
      'Content-Location': '/clip',
      'Access-Control-Allow-Origin': '*',
    }
    const dropped = { 'Content-Encoding': 'br', 'Content-Language': 'en', 'Content-Length': '5' }
    const { headers } = plan({ 'if-none-match': '*' }, { headers: { ...kept, ...dropped } })
    expect(headers).toEqual({ ...notModified.headers, ...kept })
  })

  it('lead to a 412 with neither', () => {
    const further = { 'Cache-Control': 'max-age=60', 'Content-Encoding': 'br', Vary: 'Origin' }
    const { headers } = plan({ 'if-match': '"v2"' }, { headers: further })
    expect(headers).toEqual({ ...preconditionFailed.headers, Vary: 'Origin' })
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
  ])('is read past %s: %s', (_, range, maxSkip, status) => {
    const options = maxSkip === undefined ? {} : { maxSkip }
    expect(plan({ range }, options, stream).status).toBe(status)
    if (maxSkip !== Infinity && status !== 416) {
      expect(plan({ range }, options, { length: stream.length }).status).toBe(206)
    }
  })
})

describe('a response of another status', () => {
  it.each([201, 203, 300, 404, 451, 500, 503])('is the full response with %i', (status) => {
    // §13.2.1 and §14.2: both apply only to what would be a 200.
    const conditions: Fields[] = [
      {},
      { range: 'bytes=0-4' },
      { range: 'bytes=20000-' },
      { 'if-none-match': '"v1"' },
      { 'if-modified-since': modified },
      { 'if-match': '"v2"' },
    ]
    const { 'Accept-Ranges': _, ...headers } = whole.headers
    for (const fields of conditions) {
      const further = { 'Cache-Control': 'no-cache', 'Content-Encoding': 'br' }
      expect(plan(fields, { status, headers: further })).toEqual({
        ...whole,
        status,
        headers: { ...headers, ...further },
      })
    }
    expect(plan({}, { status, method: 'HEAD' })).toEqual({ status, headers, body: [] })
    expect(plan({}, { status, acceptRanges: false })).toEqual({ ...whole, status, headers })
  })

  it('can be a 206 if status is 200', () => {
    expect(plan({ range: 'bytes=0-4' }, { status: 200 })).toEqual(part(0, 4))
  })

  it.each([100, 204, 205, 206, 304, 412, 416, 99, 1000, 404.5, NaN])(
    'cannot have status %d',
    (status) => {
      expect(() => plan({}, { status })).toThrow(
        expect.objectContaining({ name: 'RangeError', code: 'ERR_INVALID_ARGUMENT' }),
      )
    },
  )
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

  it('is for a range that applies, and for a GET', () => {
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

describe('a plan', () => {
  it.each([NaN, 1.5, -1, Infinity, 2 ** 53, '5', undefined])(
    'throws for a length of %s',
    (length) => {
      for (const headers of [{}, { range: 'bytes=0-0' }, { 'if-none-match': '*' }]) {
        expect(() => planResponse({ headers }, { length: length as number })).toThrow(
          expect.objectContaining({ name: 'RangeError', code: 'ERR_INVALID_LENGTH' }),
        )
      }
    },
  )

  it('has the content that its fields say for any set of ranges, never more than the full response', () => {
    const outcomes = { whole: 0, one: 0, several: 0, unsatisfiable: 0 }
    const seekable = fc.boolean()
    fc.assert(
      fc.property(
        requests(),
        seekable,
        fc.nat({ max: 6 }),
        ([length, specs], canSeek, maxRanges) => {
          const type = length % 2 === 0 ? 'video/mp4' : undefined
          const representation = { length, seekable: canSeek, ...(type ? { type } : {}) }
          const headers = { range: `bytes=${specs.map(formatSpec).join(',')}` }
          const options = { now, boundary, maxRanges }
          const planned = planResponse({ headers }, representation, options)
          const content = assemble(planned)
          const oracle = specs.flatMap((spec) => slices(spec, length))

          expect(planned.headers['Content-Length']).toBe(String(content.length))
          const isInside = ({ firstPos, lastPos }: ByteRange) =>
            firstPos >= 0 && firstPos <= lastPos && lastPos < length
          expect(planned.body.filter(isRange).every(isInside)).toBe(true)
          if (planned.status === 416) {
            outcomes.unsatisfiable++
            expect(oracle).toEqual([])
            expect(length).toBeGreaterThan(0)
            expect(planned.headers['Content-Range']).toBe(`bytes */${length}`)
            expect(content).toHaveLength(0)
            return
          }
          if (planned.status === 200) {
            outcomes.whole++
            if (length > 0) expect(oracle.length).toBeGreaterThan(maxRanges === 0 ? 0 : 1)
            expect(content.equals(bytes.subarray(0, length))).toBe(true)
            return
          }
          expect(planned.status).toBe(206)
          const parts = partsOf(planned, content, type)
          if (parts.length === 1) outcomes.one++
          else outcomes.several++
          if (parts.length > 1) {
            expect(parts.length).toBeLessThanOrEqual(maxRanges)
            expect(content.length).toBeLessThan(length)
          }
          for (const { firstPos, lastPos, completeLength, content: piece } of parts) {
            const isRight = piece.equals(bytes.subarray(firstPos, lastPos + 1))
            expect(isRight && completeLength === length).toBe(true)
          }
          // Every requested range lies in exactly one part, and every part has one.
          const homes = oracle.map(([first, last]) =>
            parts.findIndex(({ firstPos, lastPos }) => firstPos <= first && last <= lastPos),
          )
          expect(homes).not.toContain(-1)
          expect([...new Set(homes)].toSorted((a, b) => a - b)).toEqual([...parts.keys()])
          if (canSeek) expect([...new Set(homes)]).toEqual([...parts.keys()])
          const ascending = parts.toSorted((a, b) => a.firstPos - b.firstPos)
          const touches = ({ firstPos }: ByteRange, i: number) =>
            i > 0 && firstPos <= ascending[i - 1]!.lastPos + 1
          expect(ascending.findIndex(touches)).toBe(-1)
          if (!canSeek) expect(parts).toEqual(ascending)
        },
      ),
      { numRuns: 20_000 },
    )
    // The property proves nothing about an outcome that never occurred.
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(300)
  })

  it('never throws for any request', () => {
    const words = ['bytes=', '0-4', '-0', '5-2', ',', '"v1"', 'W/', '*', modified, '9'.repeat(30)]
    const text = fc.oneof(
      fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((all) => all.join('')),
      fc.string({ unit: 'binary' }),
    )
    const names = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since']
    const value = fc.oneof(text, fc.array(text, { maxLength: 3 }))
    const headers = fc.dictionary(fc.constantFrom(...names, 'if-unmodified-since', 'get'), value)
    const method = fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'get', '')
    fc.assert(
      fc.property(method, headers, (verb, fields) => {
        const planned = planResponse({ method: verb, headers: fields }, clip, { now, boundary })
        expect([200, 206, 304, 412, 416]).toContain(planned.status)
      }),
      { numRuns: 10_000 },
    )
  })

  it('depends on its arguments alone', () => {
    const clock = vi.spyOn(Date, 'now')
    const random = vi.spyOn(crypto, 'getRandomValues')
    try {
      const headers = { range: 'bytes=0-4,5000-5004', 'if-range': modified }
      const once = planResponse({ headers }, clip, { now, boundary })
      expect(planResponse({ headers }, clip, { now, boundary })).toEqual(once)
      expect(once.status).toBe(206)
      expect(clock).not.toHaveBeenCalled()
      expect(random).not.toHaveBeenCalled()
    } finally {
      clock.mockRestore()
      random.mockRestore()
    }
  })

  it('does not change its arguments', () => {
    const headers = Object.freeze({ 'Cache-Control': 'public', Vary: 'Origin' })
    const request = { headers: Object.freeze({ range: 'bytes=0-4,5000-5004' }) }
    planResponse(
      Object.freeze(request),
      Object.freeze({ ...clip }),
      Object.freeze({ headers, now }),
    )
    expect(headers).toEqual({ 'Cache-Control': 'public', Vary: 'Origin' })
  })

  it('joins 1,300 overlapping ranges into one', () => {
    const range = `bytes=${Array.from({ length: 1300 }, (_, index) => `${index}-`).join(',')}`
    expect(plan({ range })).toEqual(part(0, 9999))
  })

  it.each<[what: string, range: string, status: number]>([
    ['overlapping ranges', `bytes=${'0-,'.repeat(33_334)}`, 206],
    [
      'single bytes',
      `bytes=${Array.from({ length: 16_000 }, (_, i) => i * 500)
        .map((at) => `${at}-${at}`)
        .join(',')}`,
      200,
    ],
    ['unsatisfiable ranges', `bytes=${'-0,'.repeat(33_334)}`, 416],
    ['commas', `bytes=${','.repeat(100_000)}`, 200],
    ['spaces', `bytes=0-4,${' '.repeat(100_000)}x`, 200],
    ['quotes', `bytes=${'"'.repeat(100_000)}`, 200],
  ])('is made for 100 KB of %s', (_, range, status) => {
    const representation = { ...clip, length: 10_000_000 }
    const fields = { 'if-none-match': '"'.repeat(100_000), 'if-range': '"v1"' }
    expect(plan({ range, ...fields }, {}, representation).status).toBe(status)
  })
})

/** A plan for the clip; its body is shown as the ranges in it. */
function plan(
  headers: Fields,
  { method = 'GET', ...options }: PlanOptions & { method?: string } = {},
  representation = clip,
) {
  return shown(planResponse({ method, headers }, representation, { now, boundary, ...options }))
}

function shown({ status, headers, body }: ResponsePlan) {
  const ranges = body.filter(isRange).map(({ firstPos, lastPos }) => `${firstPos}-${lastPos}`)
  return { status, headers, body: ranges }
}

type Spec = [first: number | undefined, last: number | undefined]

function requests(): fc.Arbitrary<[length: number, specs: Spec[]]> {
  const length = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 600 }), fc.nat({ max: 20_000 }))
  return length.chain((completeLength) => {
    const position = fc.oneof(fc.nat({ max: completeLength + 2 }), fc.nat({ max: 30_000 }))
    const short = fc.nat({ max: 60 })
    const spec = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(position, short).map(([first, more]): Spec => [first, first + more]),
      },
      { weight: 1, arbitrary: position.map((first): Spec => [first, undefined]) },
      { weight: 2, arbitrary: short.map((suffix): Spec => [undefined, suffix]) },
      { weight: 1, arbitrary: position.map((suffix): Spec => [undefined, suffix]) },
    )
    return fc.tuple(fc.constant(completeLength), fc.array(spec, { minLength: 1, maxLength: 7 }))
  })
}

function formatSpec([first, last]: Spec): string {
  return `${first ?? ''}-${last ?? ''}`
}

const positions = Int32Array.from({ length: 20_000 }, (_, index) => index)

/** What slicing an array yields for a range-spec: the one range, or none. */
function slices([first, last]: Spec, length: number): [first: number, last: number][] {
  const all = positions.subarray(0, length)
  const found =
    first === undefined
      ? all.subarray(last === 0 ? length : -last!)
      : all.subarray(first, last === undefined ? undefined : last + 1)
  return found.length === 0 ? [] : [[found[0]!, found.at(-1)!]]
}

function assemble({ body }: ResponsePlan): Buffer {
  const pieces = body.map((segment) =>
    isBytes(segment) ? segment : bytes.subarray(segment.firstPos, segment.lastPos + 1),
  )
  return Buffer.concat(pieces)
}

/** The parts as a client finds them, from fields and content alone. */
function partsOf({ headers }: ResponsePlan, content: Buffer, type: string | undefined) {
  const multipart = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['Content-Type']))
  if (!multipart) {
    expect(headers['Content-Type']).toBe(type)
    return [{ ...readContentRange(String(headers['Content-Range'])), content }]
  }
  expect(headers).not.toHaveProperty('Content-Range') // §15.3.7.2: MUST NOT
  const delimiter = `\r\n--${multipart[1]}`
  const pieces = split(content, delimiter)
  expect(pieces.shift()).toHaveLength(0)
  expect(pieces.pop()?.toString()).toBe('--\r\n')
  return pieces.map((piece) => {
    const blank = piece.indexOf('\r\n\r\n')
    const lines = piece.subarray(0, blank).toString().split('\r\n')
    expect(lines.shift()).toBe('')
    const fields = new Headers(
      lines.map((line): [string, string] => line.split(': ') as [string, string]),
    )
    expect(fields.get('content-type')).toBe(type ?? null)
    const range = readContentRange(fields.get('content-range') ?? '')
    return { ...range, content: piece.subarray(blank + 4) }
  })
}

function readContentRange(fieldValue: string) {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fieldValue)
  expect(match).not.toBeNull()
  const [firstPos, lastPos, completeLength] = match!.slice(1).map(Number) as [
    number,
    number,
    number,
  ]
  return { firstPos, lastPos, completeLength }
}

function split(buffer: Buffer, separator: string): Buffer[] {
  const pieces: Buffer[] = []
  let from = 0
  for (let at = buffer.indexOf(separator); at >= 0; at = buffer.indexOf(separator, from)) {
    pieces.push(buffer.subarray(from, at))
    from = at + separator.length
  }
  return [...pieces, buffer.subarray(from)]
}

// RFC 8673, and §14.4: the complete length is not known.
describe('a representation that is growing', () => {
  const growing: Representation = { ...clip, etag: 'W/"v1"', isGrowing: true }
  const farthest = Number.MAX_SAFE_INTEGER
  const open = (firstPos: number) => [{ firstPos, lastPos: Infinity }]
  it.each<[range: string | undefined, status: number, field: string | undefined, body: object[]]>([
    [undefined, 200, undefined, open(0)],
    ['bytes=0-499', 206, 'bytes 0-499/*', [{ firstPos: 0, lastPos: 499 }]],
    ['bytes=9500-', 206, 'bytes 9500-9999/*', [{ firstPos: 9500, lastPos: 9999 }]], // what is there
    ['bytes=9500-20000', 206, 'bytes 9500-9999/*', [{ firstPos: 9500, lastPos: 9999 }]],
    ['bytes=-500', 206, 'bytes 9500-9999/*', [{ firstPos: 9500, lastPos: 9999 }]],
    ['bytes=10000-', 416, 'bytes */10000', []],
    [`bytes=0-${farthest}`, 206, `bytes 0-${farthest}/*`, open(0)],
    ['bytes=500-999999999999', 206, 'bytes 500-999999999999/*', open(500)],
    ['bytes=500-999999999998', 206, 'bytes 500-9999/*', [{ firstPos: 500, lastPos: 9999 }]],
    [`bytes=10000-${farthest}`, 206, `bytes 10000-${farthest}/*`, open(10_000)], // from its end on
    [`bytes=10001-${farthest}`, 416, 'bytes */10000', []],
  ])('%s: %d %s', (range, status, field, body) => {
    const plan = planResponse({ headers: range === undefined ? {} : { range } }, growing)
    expect([plan.status, plan.headers['Content-Range'], plan.body]).toEqual([status, field, body])
    const isOpen = body.some((each) => 'lastPos' in each && each.lastPos === Infinity)
    expect(plan.headers['Content-Length'] === undefined).toBe(isOpen)
  })

  it('has no length in the response to HEAD, and parts without a complete length', () => {
    const head = planResponse({ method: 'HEAD', headers: {} }, growing)
    expect(head).toMatchObject({ status: 200, body: [] })
    expect(head.headers).not.toHaveProperty('Content-Length')
    const headers = { range: `bytes=0-9,5000-5009` }
    const [first] = planResponse({ headers }, growing, { boundary }).body
    expect(Buffer.from(first as Uint8Array).toString()).toContain('Content-Range: bytes 0-9/*\r\n')
  })

  it('is sent in full if it is empty, or if If-Range has its weak tag', () => {
    const range = `bytes=0-${farthest}`
    const empty = planResponse({ headers: { range } }, { ...growing, length: 0 })
    expect(empty).toMatchObject({ status: 200, body: open(0) })
    const headers = { range: 'bytes=0-9', 'if-range': 'W/"v1"' }
    expect(planResponse({ headers }, growing)).toMatchObject({ status: 200, body: open(0) })
  })
})
