// One list: the rules of selectRepresentation, by the field that each determines.

import { describe, expect, it } from 'vitest'
// oxlint-disable-next-line import/no-unassigned-import -- declares the media types
import './files/media-types.ts'
import type { FileStats } from './files/file-stats.ts'
import type { SendOptions } from './options.ts'
import type { Representation } from './semantics/representation.ts'
import { selectRepresentation } from './select.ts'
import { fromBuffer } from './sources/buffer.ts'
import type { Source } from './sources/source.ts'

const date = new Date('1994-11-06T08:49:37Z')
const dateText = 'Sun, 06 Nov 1994 08:49:37 GMT'
const source = fromBuffer(new Uint8Array(10), {
  type: 'video/mp4',
  etag: '"v1"',
  lastModified: date,
})
const plain = fromBuffer(new Uint8Array(10))

/** Fields that are set on a response, by the names of the representation. */
interface Preset {
  readonly type?: string
  readonly etag?: string
  readonly lastModified?: string | undefined
  readonly cacheControl?: string | string[]
  readonly status?: number
  readonly isComplete?: boolean
}

function select(given: Representation, options: SendOptions, preset: Preset) {
  const { type, etag, lastModified, cacheControl, status, isComplete } = preset
  const fields = new Map<string, string | string[] | undefined>([
    ['content-type', type],
    ['etag', etag],
    ['last-modified', lastModified],
    ['cache-control', cacheControl],
    ['vary', 'Origin'],
  ])
  return selectRepresentation(given, options, {
    set: (name) => fields.get(name),
    status,
    isComplete,
  })
}

describe('selectRepresentation', () => {
  it('has the metadata of the source', () => {
    expect(select(source, {}, {}).representation).toEqual({
      length: 10,
      type: 'video/mp4',
      seekable: true,
      etag: '"v1"',
      lastModified: date,
    })
  })

  it('has only a type of bytes if nothing is known', () => {
    expect(select(plain, {}, {}).representation).toEqual({
      length: 10,
      type: 'application/octet-stream',
      seekable: true,
    })
  })

  it('is not seekable if the source is not', () => {
    const stream: Source = { length: 5, seekable: false, read: async () => new Uint8Array(5) }
    expect(select(stream, {}, {}).representation.seekable).toBe(false)
  })

  it('prefers options to fields of the options, those to fields already set, and those to the source', () => {
    const options = { type: 'a/option', etag: '"option"', lastModified: new Date(1000) }
    const headers = { 'content-type': 'a/field', ETAG: '"field"', 'Last-Modified': dateText }
    const preset = {
      type: 'a/preset',
      etag: '"preset"',
      lastModified: new Date(3000).toUTCString(),
    }
    const said = (more: SendOptions, before = preset) => {
      const { type, etag, lastModified } = select(source, more, before).representation
      return { type, etag, lastModified }
    }
    expect(said({ ...options, headers })).toEqual(options)
    expect(said({ headers })).toEqual({ type: 'a/field', etag: '"field"', lastModified: date })
    expect(said({})).toEqual({ type: 'a/preset', etag: '"preset"', lastModified: new Date(3000) })
  })

  it('omits metadata for false', () => {
    const preset = { etag: '"preset"', lastModified: dateText }
    const { representation } = select(source, { etag: false, lastModified: false }, preset)
    expect(representation).toEqual({ length: 10, type: 'video/mp4', seekable: true })
  })

  it('has the defaults for true', () => {
    const { representation } = select(source, { lastModified: true }, {})
    expect(representation.lastModified).toBe(date)
  })

  it('ignores a Last-Modified that is not a date', () => {
    const { representation } = select(source, {}, { lastModified: 'yesterday' })
    expect(representation).not.toHaveProperty('lastModified')
  })

  it('states when the source changed if its own date is sent', () => {
    const lastChanged = new Date(date.getTime() + 300)
    const file = {
      ...source,
      lastModified: date,
      lastChanged,
      read: async () => new Uint8Array(10),
    }
    const changed = (options: SendOptions, lastModified?: string) =>
      select(file, options, { lastModified }).representation.lastChanged
    expect(changed({})).toBe(lastChanged)
    expect(changed({ lastModified: true })).toBe(lastChanged)
    expect(changed({ lastModified: new Date(date) })).toBeUndefined()
    expect(changed({ lastModified: false })).toBeUndefined()
    expect(changed({}, dateText)).toBeUndefined()
  })

  it('calls an etag function with the stats of a file', () => {
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
    expect(select(file, { etag }, {}).representation.etag).toBe('"10-5"')
    expect(() => select(file, { etag: () => 'v1' }, {})).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ETAG' }),
    )
    expect(() => select(source, { etag }, {})).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ETAG' }),
    )
  })

  it('derives a missing type from the filename', () => {
    expect(select(plain, { filename: 'a.mp4' }, {}).representation.type).toBe('video/mp4')
    expect(select(source, { filename: 'a.txt' }, {}).representation.type).toBe('video/mp4')
    expect(select(plain, { filename: 'a.mp4', type: 'a/b' }, {}).representation.type).toBe('a/b')
    const preset = { type: 'a/preset' }
    expect(select(plain, { filename: 'a.mp4' }, preset).representation.type).toBe('a/preset')
    expect(select(plain, { filename: 'a.unheard-of' }, {}).representation.type).toBe(
      'application/octet-stream',
    )
  })

  it.each<[given: string, options: SendOptions, own: string | undefined, expected: string]>([
    ['an extension', { type: 'mp4' }, undefined, 'video/mp4'],
    ['an extension with its dot', { type: '.html' }, undefined, 'text/html; charset=utf-8'],
    ['a full type', { type: 'text/html' }, undefined, 'text/html'],
    ['the extension of a source', {}, 'mp4', 'video/mp4'],
    ['an invalid type of a source', {}, 'nonsense', 'nonsense'],
    ['a filename that is sent inline', { filename: 'a.mp4', disposition: 'inline' }, undefined, 'video/mp4'],
  ])('makes a type of %s', (_, options, own, expected) => {
    const given = { length: 10, ...(own === undefined ? {} : { type: own }) }
    expect(select(given, options, {}).representation.type).toBe(expected)
  }) // prettier-ignore

  it('adds no type to a response that is complete without one', () => {
    for (const each of [source, plain]) {
      const { representation } = select(each, {}, { isComplete: true })
      expect(representation).not.toHaveProperty('type')
    }
    const preset = { type: 'a/preset', isComplete: true }
    expect(select(source, {}, preset).representation.type).toBe('a/preset')
  })

  it.each([
    ['clip.mp4', 'attachment; filename="clip.mp4"'],
    ['a b.mp4', 'attachment; filename="a b.mp4"'],
    ['a"b.mp4', 'attachment; filename="a\\"b.mp4"'],
    ['/srv/clip.mp4', 'attachment; filename="clip.mp4"'], // RFC 6266 §4.3: no path
    ['\u20ac.mp4', `attachment; filename="?.mp4"; filename*=UTF-8''%E2%82%AC.mp4`], // RFC 8187
  ])('sends %j as an attachment', (filename, expected) => {
    const { headers } = select(plain, { filename }, {}).planOptions
    expect(headers).toEqual({ 'Content-Disposition': expect.any(String) })
    const text = String(headers?.['Content-Disposition'])
    expect(text.replace('filename=clip.mp4', 'filename="clip.mp4"')).toBe(expected)
  })

  it.each<[options: SendOptions, expected: string | undefined]>([
    [{}, undefined],
    [{ filename: 'a.b' }, 'attachment; filename=a.b'],
    [{ filename: 'a.b', disposition: 'attachment' }, 'attachment; filename=a.b'],
    [{ filename: 'a.b', disposition: 'inline' }, 'inline; filename=a.b'],
    [{ disposition: 'attachment' }, 'attachment'],
    [{ disposition: 'inline' }, 'inline'],
  ])('makes %j the Content-Disposition %j', (options, expected) => {
    const { headers } = select(plain, options, {}).planOptions
    expect(String(headers?.['Content-Disposition']).replaceAll('"', '')).toBe(String(expected))
  })

  it.each<[what: string, given: Representation, preset: Preset, expected: string | undefined]>([
    ['bytes in memory', plain, {}, '"a-AdRIr9koBlRYz2cLYPWllNc1rwF"'],
    ['bytes with a tag', source, {}, '"v1"'],
    ['bytes of a response with a tag', plain, { etag: '"set"' }, '"set"'],
    ['a source of the caller', { length: 10 }, {}, undefined],
    ['an object of the caller with bytes', { length: 10, bytes: new Uint8Array(10) } as Representation, {}, undefined],
  ])('tags %s if etag is true', (_, given, preset, expected) => {
    expect(select(given, { etag: true }, preset).representation.etag).toBe(expected)
    expect(select(given, {}, preset).representation.etag).toBe(preset.etag ?? given.etag)
  }) // prettier-ignore

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
    expect(select(plain, options, {}).planOptions.headers?.['Cache-Control']).toBe(expected)
  })

  it('keeps a Cache-Control already set unless cacheControl is a string', () => {
    const preset = { cacheControl: 'no-cache' }
    const said = (options: SendOptions) =>
      select(plain, options, preset).planOptions.headers?.['Cache-Control']
    expect(said({})).toBe('no-cache')
    expect(said({ maxAge: 1000, immutable: true })).toBe('no-cache')
    expect(said({ cacheControl: true, maxAge: 1000 })).toBe('no-cache')
    expect(said({ cacheControl: false, maxAge: 1000 })).toBe('no-cache')
    expect(said({ cacheControl: 'no-store' })).toBe('no-store')
    expect(said({ headers: { 'Cache-Control': 'private' } })).toBe('private')
    expect(said({ headers: { 'Cache-Control': 'private' }, maxAge: 1000 })).toBe('private')
  })

  it('passes on the options of the plan', () => {
    const options = { maxRanges: 5, maxSkip: 6, acceptRanges: false, headers: { Vary: 'Origin' } }
    expect(select(plain, options, {}).planOptions).toMatchObject(options)
  })

  it('does not change its arguments', () => {
    const headers = Object.freeze({ Vary: 'Origin' })
    const options = Object.freeze({ headers, maxAge: 1000, filename: 'a.mp4' })
    select(plain, options, Object.freeze({ type: 'a/b' }))
    expect(headers).toEqual({ Vary: 'Origin' })
  })

  it('finds fields of the options in any case, and prefers them', () => {
    const headers = {
      ETAG: '"own"',
      'content-TYPE': 'a/own',
      'Cache-Control': ['private', 'max-age=5'],
    }
    const { representation, planOptions } = select(
      source,
      { headers },
      { etag: '"set"', type: 'a/set' },
    )
    expect(representation).toMatchObject({ etag: '"own"', type: 'a/own' })
    expect(planOptions.headers?.['Cache-Control']).toBe('private,max-age=5')
  })
})
