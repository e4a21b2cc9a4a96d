// RFC 9110 §13.2.2 as part of a plan; `preconditions.test.ts` has each condition by itself.

import { describe, expect, it } from 'vitest'
import {
  type Fields,
  notModified,
  whole,
  modified,
  part,
  unsatisfiable,
  plan,
} from '../../../../test/support/plan.ts'

const preconditionFailed = {
  status: 412,
  headers: { 'Accept-Ranges': 'bytes', 'Content-Length': '0' },
  body: [],
}

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
