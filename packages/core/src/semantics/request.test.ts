// RFC 9110 §5.2 and §5.3.

import { describe, expect, it } from 'vitest'
import { fieldLineCount, fieldValue, hasCondition, type RangeRequest } from './request.ts'

const http2 = {
  headers: { ':method': 'GET', 'if-none-match': '"a"' },
  rawHeaders: [
    ':method',
    'GET',
    'if-none-match',
    '"a"',
    'range',
    'bytes=0-4',
    'if-none-match',
    '"b"',
  ],
}

describe('fieldValue', () => {
  it.each<[of: string, request: RangeRequest, expected: string | undefined]>([
    ['one field line', { headers: { 'if-none-match': '"a"' } }, '"a"'],
    ['a list of field lines, joined', { headers: { 'if-none-match': ['"a"', '"b"'] } }, '"a", "b"'],
    ['no field line', { headers: {} }, undefined],
    ['an undefined field', { headers: { 'if-none-match': undefined } }, undefined],
    ['an empty field', { headers: { 'if-none-match': '' } }, ''],
    ['Fetch headers', { headers: new Headers({ 'If-None-Match': '"a"' }) }, '"a"'],
    ['Fetch headers without the field', { headers: new Headers() }, undefined],
    ['a field named get beside it', { headers: { get: 'x', 'if-none-match': '"a"' } }, '"a"'],
    ['HTTP/2 field lines, of which Node joins few', http2, '"a", "b"'],
    ['HTTP/2 headers without the field', { ...http2, rawHeaders: [':method', 'GET'] }, undefined],
  ])('returns the value of %s', (_, request, expected) => {
    expect(fieldValue(request, 'if-none-match')).toBe(expected)
  })
})

describe('fieldLineCount', () => {
  it.each<[of: string, request: RangeRequest, expected: number]>([
    ['one field line', { headers: { range: 'bytes=0-4' } }, 1],
    ['a list of field lines', { headers: { range: ['bytes=0-4', 'bytes=6-8'] } }, 2],
    ['no field line', { headers: {} }, 0],
    ['Fetch headers', { headers: new Headers({ Range: 'bytes=0-4' }) }, 1],
    ['Fetch headers without the field', { headers: new Headers() }, 0],
    [
      'raw field lines in any case, and no value of another',
      { headers: {}, rawHeaders: ['Range', 'a', 'RANGE', 'b', 'Host', 'range'] },
      2,
    ],
    ['raw HTTP/2 field lines', http2, 1],
  ])('counts %s', (_, request, expected) => {
    expect(fieldLineCount(request, 'range')).toBe(expected)
  })
})

describe('hasCondition', () => {
  it.each(['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'])(
    'is true for a request with %s',
    (name) => {
      expect(hasCondition({ headers: { [name]: '' } })).toBe(true)
    },
  )

  it('is false for If-Range alone, which does nothing without Range', () => {
    const headers = { host: 'a', 'if-range': '"a"' }
    expect(hasCondition({ headers: { range: undefined, ...headers } })).toBe(false)
  })
})
