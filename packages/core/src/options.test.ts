import { describe, expect, it } from 'vitest'
// oxlint-disable-next-line import/no-unassigned-import -- declares the media types
import './files/media-types.ts'
import { mergeOptions, type SendOptions, validateOptions } from './options.ts'

const date = new Date('1994-11-06T08:49:37Z')

describe('mergeOptions', () => {
  it.each<[what: string, defaults: object, own: object | undefined, expected: object]>([
    ['nothing', { maxAge: 5 }, undefined, { maxAge: 5 }],
    ['an option', { maxAge: 5 }, { maxAge: 6 }, { maxAge: 6 }],
    [
      'false, 0 and null',
      { a: 1, b: 1, c: 1 },
      { a: false, b: 0, c: null },
      { a: false, b: 0, c: null },
    ],
    [
      'undefined',
      { root: '/srv', maxAge: 5 },
      { root: undefined, maxAge: undefined },
      { root: '/srv', maxAge: 5 },
    ],
    ['undefined without a default', {}, { root: undefined }, { root: undefined }],
    ['a root', { dotfiles: 'allow' }, { root: '/srv' }, { dotfiles: 'allow', root: '/srv' }],
    // They mean nothing without a root.
    ['no root', { dotfiles: 'allow', followSymlinks: true }, { maxAge: 5 }, { maxAge: 5 }],
    ['its own, without a root', { dotfiles: 'allow' }, { dotfiles: 'deny' }, { dotfiles: 'deny' }],
    [
      'no prototype',
      {},
      JSON.parse('{ "__proto__": { "root": "/" } }'),
      JSON.parse('{ "__proto__": { "root": "/" } }'),
    ],
  ])('of defaults and %s', (_, defaults, own, expected) => {
    const before = structuredClone(defaults)
    expect(mergeOptions(defaults, own)).toEqual(expected)
    expect(defaults).toEqual(before)
  })
})

describe('mergeOptions of what is not an object', () => {
  it.each([[null], ['root'], [5], [['a']], [() => {}]])('throws for %s', (own) => {
    expect(() => mergeOptions({}, own as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
    )
  })
})

describe('validateOptions', () => {
  it.each<[options: SendOptions]>([
    [{}],
    [{ type: 'text/html; charset=utf-8', etag: 'W/"v1"', lastModified: date }],
    [{ etag: false, lastModified: false, cacheControl: false }],
    [{ etag: () => '"v1"', lastModified: true, cacheControl: true }],
    [
      {
        headers: { 'X-A': 'b', 'Set-Cookie': ['a=1', 'b=2'], 'X-Empty': '', "!#$%&'*+.^_`|~": 'a' },
      },
    ],
    [{ maxRanges: 0, maxSkip: 0 }],
    [{ maxRanges: Infinity, maxSkip: Infinity }],
    [{ maxAge: 0 }],
    [{ signal: new AbortController().signal }],
    [{ filename: '\u20ac.mp4' }],
    [{ filename: 'a.mp4', disposition: 'inline' }],
    [{ disposition: 'attachment' }],
    [{ type: 'mp4' }],
    [{ type: '.html' }],
    [{ maxResponse: 1 }],
    [{ maxResponse: Infinity }],
    [{ root: '/srv' }],
    [{ root: 'relative' }],
    [{ root: new URL('file:///srv') }],
    [{ etag: true }], // what `send` calls its default
    [{ onTransfer: () => {} }],
    [{ dotfiles: 'allow' }],
    [{ dotfiles: 'deny' }],
    [{ dotfiles: 'ignore' }],
  ])('takes %j', (options) => {
    expect(() => validateOptions(options)).not.toThrow()
  })

  it.each<[options: object, name: 'TypeError' | 'RangeError', code: string]>([
    [{ type: 'a/b\r\nX: y' }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ type: 5 }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ type: 'nonsense' }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ type: '' }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ type: 'video/' }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ disposition: 'attached' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ disposition: true }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxResponse: 0 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxResponse: -1 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxResponse: 1.5 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxResponse: '1mb' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ root: '' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ root: 5 }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ root: null }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ root: '/srv\0' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ root: new URL('https://host/srv') }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [null as never, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    ['root' as never, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [[] as never, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [(() => {}) as never, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ etag: 'v1' }, 'TypeError', 'ERR_INVALID_ETAG'],
    [{ etag: '"v1"\n' }, 'TypeError', 'ERR_INVALID_ETAG'],
    [{ etag: '' }, 'TypeError', 'ERR_INVALID_ETAG'],
    [{ lastModified: new Date(NaN) }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ lastModified: 5 }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ cacheControl: 'a\nb' }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ filename: '' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ filename: 5 }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ filename: 'a\ud800.mp4' }, 'TypeError', 'ERR_INVALID_ARGUMENT'], // has no UTF-8
    [{ headers: { 'X A': 'b' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { '': 'b' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A\r\nX': 'b' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-\u00e9': 'b' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': 'b\r\nX: y' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': 'b\0' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': '\u20ac' } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': ['a', 'b\n'] } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': 5 } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': undefined } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ headers: { 'X-A': null } }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ maxRanges: -1 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxRanges: 1.5 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxRanges: NaN }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxRanges: '5' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxSkip: -1 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: -1 }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: NaN }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: '' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: 'a day' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: '1 fortnight' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: '-1d' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: '1 dour' }, 'RangeError', 'ERR_INVALID_ARGUMENT'], // of two units: of none
    [{ maxAge: '1d 2h' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ maxAge: '1'.repeat(100_000) + 'x' }, 'RangeError', 'ERR_INVALID_ARGUMENT'],
    [{ signal: {} }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ etag: 5 }, 'TypeError', 'ERR_INVALID_ETAG'],
    [{ etag: null }, 'TypeError', 'ERR_INVALID_ETAG'],
    [{ cacheControl: 5 }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ cacheControl: ['a'] }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ cacheControl: null }, 'TypeError', 'ERR_INVALID_FIELD'],
    [{ onTransfer: 'log' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ onTransfer: null }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ dotfiles: 'allowed' }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ dotfiles: true }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
    [{ dotfiles: ['allow'] }, 'TypeError', 'ERR_INVALID_ARGUMENT'],
  ])('refuses %s: %s', (options, name, code) => {
    expect(() => validateOptions(options)).toThrow(expect.objectContaining({ name, code }))
  })
})
