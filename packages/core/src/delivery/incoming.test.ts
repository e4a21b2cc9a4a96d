import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasCondition } from '../semantics/request.ts'
import { isConditional } from './incoming.ts'

/** A request with what Node's parser leaves of its fields; `headers` have not been read. */
function received(...rawHeaders: string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  request.rawHeaders.push(...rawHeaders)
  const collect = Reflect.get(request, '_addHeaderLines') as Function
  Reflect.apply(collect, request, [rawHeaders, rawHeaders.length])
  return request
}

/** Whether Node has made `headers` of what it received. */
function hasRead(request: IncomingMessage): boolean {
  const key = Object.getOwnPropertySymbols(request).find((each) => each.description === 'kHeaders')
  return key !== undefined && Reflect.get(request, key) !== null
}

const ranged = ['Host', 'a', 'RANGE', 'bytes=0-1']
const plain = ['Host', 'a', 'If-Range', '"a"', 'Cookie', 'range']

describe('isConditional', () => {
  it('leaves the headers unread', () => {
    const requests = [received(...ranged), received(...plain)]
    expect(requests.map((each) => isConditional(each))).toEqual([true, false])
    expect(requests.map(hasRead)).toEqual([false, false])
    expect(requests[0]!.headers.range).toBe('bytes=0-1')
    expect(hasRead(requests[0]!)).toBe(true)
  })

  const other = { range: 'bytes=0-1' }
  it.each<[what: string, lines: string[], change: (request: IncomingMessage) => unknown, boolean]>([
    ['a field that was deleted', ranged, ({ headers }) => delete headers.range, false],
    ['a field that was added', plain, ({ headers }) => (headers['if-match'] = '*'), true],
    ['other headers', plain, (request) => (request.headers = other), true],
    ['no headers any more', ranged, (request) => (request.headers = {}), false],
    ['headers that a host sets alone', [], (request) => (request.headers = other), true],
    [
      'headers that hide those of Node',
      plain,
      (request) => Object.defineProperty(request, 'headers', { value: other }),
      true,
    ],
  ])('sees %s', (_what, lines, change, expected) => {
    const request = received(...lines)
    const before = isConditional(request)
    change(request)
    expect(isConditional(request)).toBe(expected)
    expect(isConditional(request, before)).toBe(expected)
  })

  it('is what it was before, while nothing has read the headers', () => {
    const request = received(...plain)
    expect(isConditional(request, true)).toBe(true)
    expect(hasRead(request)).toBe(false)
    expect(request.headers.host).toBe('a')
    expect(isConditional(request, true)).toBe(false)
  })

  it('takes a request of any other class by its headers', () => {
    expect(isConditional({ headers: { range: 'bytes=0-1' }, rawHeaders: ['Host', 'a'] })).toBe(true)
    expect(isConditional({ headers: {} })).toBe(false)
  })

  it('finds what the headers have, whatever the client sends', () => {
    const names = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'ranges']
    const name = fc
      .tuple(fc.constantFrom(...names, 'if-unmodified-since', 'host', 'orange'), fc.boolean())
      .map(([text, isUpper]) => (isUpper ? text.toUpperCase() : text))
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), (sent) => {
        const request = received(...sent.flatMap((each) => [each, 'x']))
        expect(isConditional(request)).toBe(hasCondition(request))
      }),
    )
  })
})
