import { describe, expect, it } from 'vitest'
import { strongTag } from './hash-tag.ts'

const fields = (values: Readonly<Record<string, string>>) => (name: string) => values[name]

describe('strongTag', () => {
  const hash = '2jmj7l5rSw0yVb/vlWAYkK/YBwk'
  it.each<[what: string, tag: string, length: number, strong: string | undefined]>([
    ['a hash of this length', `W/"2a-${hash}"`, 42, `"2a-${hash}"`],
    ['nothing', `W/"0-${hash}"`, 0, `"0-${hash}"`],
    ['a hash of another length', `W/"2a-${hash}"`, 43, undefined],
    ['a strong tag', `"2a-${hash}"`, 42, undefined],
    ['stats', 'W/"2a-18c2e5d8f00"', 42, undefined],
    ['a longer hash', `W/"2a-${hash}A"`, 42, undefined],
    ['another form', `W/"2a.${hash}"`, 42, undefined],
    ['no closing quote', `W/"2a-${hash}A`, 42, undefined],
    ['no digits', `W/"-${hash}"`, 0, undefined],
    ['other digits', `W/"2g-${hash}"`, 48, undefined],
    ['a list', `W/"2a-${hash}", W/"2a-${hash}"`, 42, undefined],
    ['a tag of its own', 'W/"v1"', 42, undefined],
  ])('of %s', (_what, tag, length, strong) => {
    expect(strongTag(fields({ etag: tag }), length)).toBe(strong)
  })

  it('is undefined for encoded content, and for content of unknown length', () => {
    const etag = `W/"2a-${hash}"`
    expect(strongTag(fields({ etag, 'content-encoding': 'gzip' }), 42)).toBeUndefined()
    expect(strongTag(fields({ etag }), undefined)).toBeUndefined()
    expect(strongTag(fields({}), 42)).toBeUndefined()
  })
})
