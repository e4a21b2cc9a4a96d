// RFC 9110 §15.3.7, §15.4.5.

import { describe, expect, it } from 'vitest'
import { isPlanned, isStale, isWithheld, mayBeCut } from './fields.ts'

const everywhere = [
  'vary',
  'access-control-allow-origin',
  'set-cookie',
  'x-powered-by',
  'date',
  'link',
]

describe('isWithheld', () => {
  it.each<[name: string, on: Record<206 | 304 | 412 | 416, boolean>]>([
    // §15.3.7 and §15.4.5: a 206 and a 304 carry these as the 200 would.
    ['content-location', { 206: false, 304: false, 412: true, 416: true }],
    ['etag', { 206: false, 304: false, 412: true, 416: true }],
    ['last-modified', { 206: false, 304: false, 412: true, 416: true }],
    ['cache-control', { 206: false, 304: false, 412: true, 416: true }],
    ['expires', { 206: false, 304: false, 412: true, 416: true }],
    // Fields that describe the content.
    ['content-type', { 206: false, 304: true, 412: true, 416: true }],
    ['content-length', { 206: false, 304: true, 412: true, 416: true }],
    ['content-encoding', { 206: false, 304: true, 412: true, 416: true }],
    ['content-language', { 206: false, 304: true, 412: true, 416: true }],
    ['content-disposition', { 206: false, 304: true, 412: true, 416: true }],
    ['content-range', { 206: false, 304: true, 412: true, 416: true }],
    // A digest of the content of the 200 does not match a slice (RFC 9530 §2).
    ['content-digest', { 206: true, 304: true, 412: true, 416: true }],
    ['content-md5', { 206: true, 304: true, 412: true, 416: true }],
    // A digest of the representation holds for any response about it (RFC 9530 §3).
    ['repr-digest', { 206: false, 304: false, 412: false, 416: false }],
    ...everywhere.map((name): [string, Record<206 | 304 | 412 | 416, boolean>] => [
      name,
      { 206: false, 304: false, 412: false, 416: false },
    ]),
  ])('withholds %s on %j', (name, expected) => {
    for (const [status, withheld] of Object.entries(expected)) {
      expect({ status, withheld: isWithheld(Number(status), name) }).toEqual({ status, withheld })
    }
    for (const whole of [200, 201, 404, 500]) expect(isWithheld(whole, name)).toBe(false)
  })
})

describe('isPlanned', () => {
  it.each([
    'accept-ranges',
    'content-length',
    'content-range',
    'content-type',
    'etag',
    'last-modified',
    'transfer-encoding',
  ])('is true for %s', (name) => {
    expect(isPlanned(name)).toBe(true)
  })

  it.each([...everywhere, 'cache-control', 'expires', 'content-encoding', 'content-disposition'])(
    'is false for %s',
    (name) => {
      expect(isPlanned(name)).toBe(false)
    },
  )
})

describe('isStale', () => {
  const part = { status: 206, headers: { 'Content-Range': 'bytes 0-1/9', 'Content-Length': '2' } }
  const whole = { status: 200, headers: { 'Content-Length': '9' } }
  const error = { status: 416, headers: { 'Content-Range': 'bytes */9', 'Content-Length': '0' } }

  it.each([
    [whole, 'transfer-encoding', true], // MUST NOT accompany Content-Length (RFC 9112 §6.2)
    [whole, 'content-encoding', false],
    [part, 'transfer-encoding', true],
    [error, 'transfer-encoding', true],
    [part, 'content-range', false],
    [part, 'content-length', false],
    [part, 'content-type', true], // planned fields are removed if the plan omits them
    [part, 'etag', true],
    [part, 'content-md5', true], // withheld from a part
    [part, 'cache-control', false], // replaced by the plan's
    [part, 'x-powered-by', false],
    [error, 'content-range', false], // withheld from the 200, but part of this plan
    [error, 'content-length', false],
    [error, 'content-encoding', true],
    [error, 'etag', true],
    [error, 'vary', false],
  ])('with the plan %j, of %s: %s', (plan, name, stale) => {
    expect(isStale(plan, name)).toBe(stale)
  })
})

describe('mayBeCut', () => {
  it.each<[name: string, value: string, may: boolean]>([
    ['content-type', 'text/plain', true],
    ['accept-ranges', 'bytes', true],
    ['accept-ranges', 'None', false],
    ['content-range', 'bytes 0-1/2', false],
    ['content-type', 'multipart/byteranges; boundary=x', false],
    ['content-type', ' Multipart/Byteranges', false],
    ['content-type', 'multipart/mixed; boundary=x', true],
    ['content-type', '', true],
    ['transfer-encoding', 'chunked', false],
    ['trailer', 'X-Sum', false], // its length is left open
    ['x-sendfile', '/srv/clip.mp4', false],
    ['x-accel-redirect', '/internal/clip.mp4', false],
    ['x-lighttpd-send-file', '/srv/clip.mp4', false],
  ])('%s: %s: %s', (name, value, may) => {
    expect(mayBeCut((field) => (field === name ? value : undefined))).toBe(may)
  })
})
