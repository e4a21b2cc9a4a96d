// RFC 9110 §13.2.2, §14.2, §15.3.7, §15.5.17, and the decisions of this project if the RFC leaves a
// choice.

import { describe, expect, it } from 'vitest'
import { planResponse } from './plan.ts'
import type { Representation } from './representation.ts'
import {
  plan,
  whole,
  shown,
  clip,
  now,
  unsatisfiable,
  type Fields,
  modified,
  part,
  boundary,
} from '../../../../test/support/plan.ts'

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
})

// RFC 8673, and §14.4: the complete length is not known.
describe('a representation that is growing', () => {
  const growing: Representation = { ...clip, etag: 'W/"v1"', isGrowing: true }
  const farthest = Number.MAX_SAFE_INTEGER
  const open = (firstPos: number) => [{ firstPos, lastPos: Infinity }]
  it.each<[range: string | undefined, status: number, field: string | undefined, body: object[]]>([
    [undefined, 200, undefined, open(0)],
    ['bytes=0-499', 206, 'bytes 0-499/*', [{ firstPos: 0, lastPos: 499 }]],
    ['bytes=9500-', 206, 'bytes 9500-9999/*', [{ firstPos: 9500, lastPos: 9999 }]], // all there is so far
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
