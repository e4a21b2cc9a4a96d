import { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { cutting } from '../semantics/fields.ts'
import { advertise as add } from './advertise.ts'

type Field = readonly [name: string, value: string]

/** A response with a type and these fields, and no client. */
function responseWith(...fields: Field[]): ServerResponse {
  const response = new ServerResponse({ method: 'GET', httpVersionMajor: 1 } as never)
  for (const [name, value] of [['Content-Type', 'text/plain'] as const, ...fields]) {
    response.setHeader(name, value)
  }
  return response
}

describe.each([
  ['advertise', false],
  ['advertise, by reflection', true],
])('%s', (_name, isSlow) => {
  const advertise = (response: ServerResponse, etag: string | undefined, length?: number) =>
    add(response, etag, length, isSlow)

  it('adds one line, as setHeader would', () => {
    const response = responseWith(['Content-Length', '5'])
    const other = responseWith(['Content-Length', '5'])
    expect(advertise(response, undefined)).toBe(true)
    other.setHeader('Accept-Ranges', 'bytes')
    expect(response.getHeaders()).toEqual(other.getHeaders())
    expect(response.writeHead(200)).toBe(response)
    expect(Reflect.get(response, '_header')).toContain('\r\nAccept-Ranges: bytes\r\n')
  })

  const telling = [...cutting.filter((name) => name !== 'content-type'), 'content-encoding', 'vary']
  it.each<Field>([
    ...telling.map((name) => [name, 'x'] as const),
    ['Accept-Ranges', 'bytes'],
    ['Content-Type', 'multipart/byteranges; boundary=x'],
    ['ETag', '"x"'],
  ])('leaves a response with %s: %s alone', (name, value) => {
    const response = responseWith([name, value])
    const before = response.getHeaders()
    expect(advertise(response, undefined)).toBe(false)
    expect(response.getHeaders()).toEqual(before)
  })

  it('takes the one tag that it is told of', () => {
    expect(advertise(responseWith(['ETag', '"x"']), '"x"')).toBe(true)
    expect(advertise(responseWith(['ETag', 'W/"x"']), '"x"')).toBe(false)
    expect(advertise(responseWith(), '"x"')).toBe(false)
  })

  it('takes the one length that it is told of, if any is set', () => {
    expect(advertise(responseWith(), undefined, 5)).toBe(true)
    expect(advertise(responseWith(['Content-Length', '5']), undefined, 5)).toBe(true)
    const numeric = responseWith()
    numeric.setHeader('Content-Length', 5)
    expect(advertise(numeric, undefined, 5)).toBe(true)
    expect(advertise(responseWith(['Content-Length', '6']), undefined, 5)).toBe(false)
    expect(advertise(responseWith(['Content-Length', 'x']), undefined, 5)).toBe(false)
  })

  it('adds it to a response without a type', () => {
    const untyped = responseWith(['Content-Length', '5'])
    untyped.removeHeader('Content-Type')
    expect(advertise(untyped, undefined)).toBe(true)
    expect(untyped.getHeader('Accept-Ranges')).toBe('bytes')
  })

  it('leaves a response without a field, or whose head is written, alone', () => {
    const bare = new ServerResponse({ method: 'GET', httpVersionMajor: 1 } as never)
    expect(advertise(bare, undefined)).toBe(false)
    expect(advertise(responseWith().writeHead(200), undefined)).toBe(false)
  })

  it.each(['setHeader', 'getHeader'] as const)('leaves it alone if %s is patched', (name) => {
    const response = responseWith()
    const original: Function = Reflect.get(response, name)
    Object.assign(response, { [name]: (...args: unknown[]) => original.apply(response, args) })
    expect(advertise(response, undefined)).toBe(false)
    expect(response.hasHeader('Accept-Ranges')).toBe(false)
  })
})
