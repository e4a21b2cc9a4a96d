import { describe, expect, it } from 'vitest'
import { evaluatePassing, planPassing } from './passing.ts'
import type { Representation } from './semantics/representation.ts'

type Fields = Readonly<Record<string, string>>

const lookUp = (fields: Fields) => (name: string) => fields[name]
const get = (headers: Fields) => ({ method: 'GET', headers })
const range = { range: 'bytes=0-3' }
/** What a client sends if it has stored an encoded response. */
const encoded = { 'if-none-match': 'W/"v1-gzip"', 'accept-encoding': 'gzip' }

describe('planPassing', () => {
  it.each<
    [what: string, fields: Fields, content: Partial<Representation>, etag: string | undefined]
  >([
    ['the tag of the 200', { etag: '"v1"' }, { etag: '"own"' }, '"v1"'],
    ['the tag of the content, over a weak one', { etag: 'W/"v1"' }, { etag: '"own"' }, '"own"'],
    ['the weak tag of the 200, if that is all', { etag: 'W/"v1"' }, {}, 'W/"v1"'],
    ['no tag', {}, {}, undefined],
  ])('has %s', (_what, fields, content, etag) => {
    const plan = planPassing(get(range), lookUp(fields), { length: 10, ...content }, {})!
    expect(plan.status).toBe(206)
    expect(plan.headers['ETag']).toBe(etag)
  })

  it('plans nothing for content that must not be cut', () => {
    for (const fields of [{ 'content-range': 'bytes 0-9/20' }, { 'accept-ranges': 'none' }]) {
      expect(planPassing(get(range), lookUp(fields), { length: 10 }, {})).toBeUndefined()
    }
  })

  it('keeps a Last-Modified that is not a date, except in a 416', () => {
    const field = lookUp({ 'last-modified': 'yesterday' })
    const sent = (headers: Fields) => {
      const { status, headers: fields } = planPassing(get(headers), field, { length: 10 }, {})!
      return [status, fields['Last-Modified']]
    }
    expect(sent({})).toEqual([200, 'yesterday'])
    expect(sent(range)).toEqual([206, 'yesterday'])
    expect(sent({ range: 'bytes=10-' })).toEqual([416, undefined])
  })
})

describe('a tag of an encoding', () => {
  it.each<[what: string, headers: Fields, fields: Fields, isEncodable: boolean, status: number]>([
    ['Vary says that codings differ', encoded, { vary: 'Accept-Encoding' }, false, 304],
    ['a hook may encode', encoded, {}, true, 304],
    ['nothing encodes', encoded, {}, false, 200],
    ['Vary names another field', encoded, { vary: 'Origin' }, false, 200],
    ['the client accepts another coding', { ...encoded, 'accept-encoding': 'br' }, {}, true, 200],
    ['a range is requested', { ...encoded, ...range }, {}, true, 206],
  ])('is known or not if %s', (_what, headers, own, isEncodable, status) => {
    const field = lookUp({ etag: '"v1"', ...own })
    const plan = planPassing(get(headers), field, { length: 10 }, { isEncodable })!
    expect(plan.status).toBe(status)
    expect(evaluatePassing(get(headers), field, {}, { isEncodable })).toEqual(
      status === 304 ? { etag: 'W/"v1-gzip"' } : undefined,
    )
  })
})
