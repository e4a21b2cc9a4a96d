import { describe, expect, it } from 'vitest'
import { fromBuffer } from './sources/buffer.ts'
import type { FileStats } from './files/validators.ts'
import type { Source } from './sources/source.ts'
import {
  describe as describeSource,
  mergeOptions,
  pickPreset,
  presetOf,
  type SendOptions,
  validateOptions,
} from './options.ts'

const date = new Date('1994-11-06T08:49:37Z')
const dateText = 'Sun, 06 Nov 1994 08:49:37 GMT'
const source = fromBuffer(new Uint8Array(10), {
  type: 'video/mp4',
  etag: '"v1"',
  lastModified: date,
})
const plain = fromBuffer(new Uint8Array(10))

describe('describe', () => {
  it('says of the representation what the source says', () => {
    expect(describeSource(source, {}, {}).representation).toEqual({
      length: 10,
      type: 'video/mp4',
      seekable: true,
      etag: '"v1"',
      lastModified: date,
    })
  })

  it('says bytes where nothing is known of the type, and nothing else', () => {
    expect(describeSource(plain, {}, {}).representation).toEqual({
      length: 10,
      type: 'application/octet-stream',
      seekable: true,
    })
  })

  it('says that bytes pass by once', () => {
    const stream: Source = { length: 5, seekable: false, read: async () => new Uint8Array(5) }
    expect(describeSource(stream, {}, {}).representation.seekable).toBe(false)
  })

  it('hears the options first, then the fields, what was set before, and last the source', () => {
    const options = { type: 'a/option', etag: '"option"', lastModified: new Date(1000) }
    const headers = { 'content-type': 'a/field', ETAG: '"field"', 'Last-Modified': dateText }
    const preset = {
      type: 'a/preset',
      etag: '"preset"',
      lastModified: new Date(3000).toUTCString(),
    }
    const said = (more: SendOptions, before = preset) => {
      const { type, etag, lastModified } = describeSource(source, more, before).representation
      return { type, etag, lastModified }
    }
    expect(said({ ...options, headers })).toEqual(options)
    expect(said({ headers })).toEqual({ type: 'a/field', etag: '"field"', lastModified: date })
    expect(said({})).toEqual({ type: 'a/preset', etag: '"preset"', lastModified: new Date(3000) })
  })

  it('takes false for none', () => {
    const preset = { etag: '"preset"', lastModified: dateText }
    const { representation } = describeSource(source, { etag: false, lastModified: false }, preset)
    expect(representation).toEqual({ length: 10, type: 'video/mp4', seekable: true })
  })

  it('takes true for what it would say anyway', () => {
    const { representation } = describeSource(source, { lastModified: true }, {})
    expect(representation.lastModified).toBe(date)
  })

  it('takes a Last-Modified that is none for none', () => {
    const { representation } = describeSource(source, {}, { lastModified: 'yesterday' })
    expect(representation).not.toHaveProperty('lastModified')
  })

  it('says when the source changed, if its own date is sent', () => {
    const lastChanged = new Date(date.getTime() + 300)
    const file = {
      ...source,
      lastModified: date,
      lastChanged,
      read: async () => new Uint8Array(10),
    }
    const changed = (options: SendOptions, lastModified?: string) =>
      describeSource(file, options, { lastModified }).representation.lastChanged
    expect(changed({})).toBe(lastChanged)
    expect(changed({ lastModified: true })).toBe(lastChanged)
    expect(changed({ lastModified: new Date(date) })).toBeUndefined()
    expect(changed({ lastModified: false })).toBeUndefined()
    expect(changed({}, dateText)).toBeUndefined()
  })

  it('asks a function for the etag of a file, with its stats', () => {
    const stats: FileStats = {
      size: 10,
      mtime: date,
      mtimeNs: 5n,
      ctime: date,
      ctimeNs: 6n,
      ino: 7,
      birthtime: date,
    }
    const file = { ...source, stats, read: async () => new Uint8Array(10) }
    const etag = ({ size, mtimeNs }: FileStats) => `"${size}-${mtimeNs}"`
    expect(describeSource(file, { etag }, {}).representation.etag).toBe('"10-5"')
    expect(() => describeSource(file, { etag: () => 'v1' }, {})).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ETAG' }),
    )
    expect(() => describeSource(source, { etag }, {})).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ETAG' }),
    )
  })

  it('knows a type by the filename, where there is none', () => {
    expect(describeSource(plain, { filename: 'a.mp4' }, {}).representation.type).toBe('video/mp4')
    expect(describeSource(source, { filename: 'a.txt' }, {}).representation.type).toBe('video/mp4')
    expect(describeSource(plain, { filename: 'a.mp4', type: 'a/b' }, {}).representation.type).toBe(
      'a/b',
    )
    const preset = { type: 'a/preset' }
    expect(describeSource(plain, { filename: 'a.mp4' }, preset).representation.type).toBe(
      'a/preset',
    )
    expect(describeSource(plain, { filename: 'a.unheard-of' }, {}).representation.type).toBe(
      'application/octet-stream',
    )
  })

  it('adds no type to a response that is complete without one', () => {
    for (const each of [source, plain]) {
      const { representation } = describeSource(each, {}, { isComplete: true })
      expect(representation).not.toHaveProperty('type')
    }
    const preset = { type: 'a/preset', isComplete: true }
    expect(describeSource(source, {}, preset).representation.type).toBe('a/preset')
  })

  it.each([
    ['clip.mp4', 'attachment; filename="clip.mp4"'],
    ['a b.mp4', 'attachment; filename="a b.mp4"'],
    ['a"b.mp4', 'attachment; filename="a\\"b.mp4"'],
    ['/srv/clip.mp4', 'attachment; filename="clip.mp4"'], // RFC 6266 §4.3: no path
    ['\u20ac.mp4', `attachment; filename="?.mp4"; filename*=UTF-8''%E2%82%AC.mp4`], // RFC 8187
  ])('sends %j as an attachment', (filename, expected) => {
    const { headers } = describeSource(plain, { filename }, {}).planOptions
    expect(headers).toEqual({ 'Content-Disposition': expect.any(String) })
    const text = String(headers?.['Content-Disposition'])
    expect(text.replace('filename=clip.mp4', 'filename="clip.mp4"')).toBe(expected)
  })

  it.each<[options: SendOptions, expected: string | undefined]>([
    [{}, undefined],
    [{ maxAge: 0 }, 'public, max-age=0'],
    [{ maxAge: 1000 }, 'public, max-age=1'],
    [{ maxAge: 1999 }, 'public, max-age=1'], // never longer than was said
    [{ maxAge: '5000' }, 'public, max-age=5'],
    [{ maxAge: '1500ms' }, 'public, max-age=1'],
    [{ maxAge: '90s' }, 'public, max-age=90'],
    [{ maxAge: '1.5h' }, 'public, max-age=5400'],
    [{ maxAge: '1d' }, 'public, max-age=86400'],
    [{ maxAge: '2 hours' }, 'public, max-age=7200'],
    [{ maxAge: '10 minutes' }, 'public, max-age=600'],
    [{ maxAge: '1 week' }, 'public, max-age=604800'],
    [{ maxAge: '1 Day' }, 'public, max-age=86400'],
    [{ maxAge: '1y' }, 'public, max-age=31536000'], // a year is the most
    [{ maxAge: Infinity }, 'public, max-age=31536000'],
    [{ maxAge: '1d', immutable: true }, 'public, max-age=86400, immutable'],
    [{ maxAge: '1d', immutable: false }, 'public, max-age=86400'],
    [{ immutable: true }, undefined],
    [{ cacheControl: 'no-store', maxAge: '1d' }, 'no-store'],
    [{ cacheControl: true, maxAge: '1d' }, 'public, max-age=86400'],
    [{ cacheControl: false, maxAge: '1d' }, undefined],
  ])('makes %j the Cache-Control %j', (options, expected) => {
    expect(describeSource(plain, options, {}).planOptions.headers?.['Cache-Control']).toBe(expected)
  })

  it('leaves the Cache-Control that was set before, where cacheControl does not say it all', () => {
    const preset = { cacheControl: 'no-cache' }
    const said = (options: SendOptions) =>
      describeSource(plain, options, preset).planOptions.headers?.['Cache-Control']
    expect(said({})).toBe('no-cache')
    expect(said({ maxAge: 1000, immutable: true })).toBe('no-cache')
    expect(said({ cacheControl: true, maxAge: 1000 })).toBe('no-cache')
    expect(said({ cacheControl: false, maxAge: 1000 })).toBe('no-cache')
    expect(said({ cacheControl: 'no-store' })).toBe('no-store')
    expect(said({ headers: { 'Cache-Control': 'private' } })).toBe('private')
    expect(said({ headers: { 'Cache-Control': 'private' }, maxAge: 1000 })).toBe('private')
  })

  it('hands on what the plan is to know', () => {
    const options = { maxRanges: 5, maxSkip: 6, acceptRanges: false, headers: { Vary: 'Origin' } }
    expect(describeSource(plain, options, {}).planOptions).toMatchObject(options)
  })

  it('leaves what it was given as it was', () => {
    const headers = Object.freeze({ Vary: 'Origin' })
    const options = Object.freeze({ headers, maxAge: 1000, filename: 'a.mp4' })
    describeSource(plain, options, Object.freeze({ type: 'a/b' }))
    expect(headers).toEqual({ Vary: 'Origin' })
  })
})

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
    ['undefined of what is no default', {}, { root: undefined }, { root: undefined }],
    ['a root', { dotfiles: 'allow' }, { root: '/srv' }, { dotfiles: 'allow', root: '/srv' }],
    // Without a root they say nothing.
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

describe('pickPreset', () => {
  it('finds the fields that say what is served, in whatever case', () => {
    const fields = {
      'content-type': 'video/mp4',
      ETag: '"v1"',
      'LAST-MODIFIED': dateText,
      'Cache-Control': ['private', 'max-age=5'],
      'content-length': 5,
      vary: 'Origin',
    }
    expect(pickPreset(fields)).toEqual({
      type: 'video/mp4',
      etag: '"v1"',
      lastModified: dateText,
      cacheControl: 'private,max-age=5',
    })
  })

  it('finds nothing where there is nothing', () => {
    expect(pickPreset({})).toEqual({})
    expect(pickPreset({ etag: undefined })).toEqual({})
    expect(presetOf(() => undefined)).toEqual({})
  })

  it('finds the same by looking fields up', () => {
    const fields = new Map<string, number | string | string[]>([
      ['content-type', 'video/mp4'],
      ['etag', '"v1"'],
      ['last-modified', [dateText]],
      ['cache-control', ['private', 'max-age=5']],
      ['content-length', 5],
    ])
    expect(presetOf((name) => fields.get(name))).toEqual(pickPreset(Object.fromEntries(fields)))
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
