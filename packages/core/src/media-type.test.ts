import { describe, expect, it } from 'vitest'
import { typeOf } from './files/media-types.ts'
import { expandType } from './media-type.ts'

describe('typeOf', () => {
  it.each([
    ['clip.mp4', 'video/mp4'],
    ['/srv/CLIP.MP4', 'video/mp4'],
    ['page.html', 'text/html; charset=utf-8'],
    ['data.json', 'application/json; charset=utf-8'],
    ['a.b.txt', 'text/plain; charset=utf-8'],
    ['archive.tar.gz', 'application/gzip'],
    ['mp4', undefined],
    ['.mp4', undefined], // a dotfile has no extension
    ['a.nonsense', undefined],
    ['', undefined],
  ])('of %j is %j', (fileName, expected) => {
    expect(typeOf(fileName)).toBe(expected)
  })
})

describe('expandType', () => {
  it.each([
    ['mp4', 'video/mp4'],
    ['.mp4', 'video/mp4'],
    ['MP4', 'video/mp4'],
    ['html', 'text/html; charset=utf-8'],
    ['json', 'application/json; charset=utf-8'],
    ['video/mp4', 'video/mp4'],
    ['text/html', 'text/html'], // in full: unchanged
    ['text/html; charset=iso-8859-1', 'text/html; charset=iso-8859-1'],
    ['text/html;charset=utf-8', 'text/html;charset=utf-8'],
    ['application/vnd.api+json', 'application/vnd.api+json'],
    ['a/b ; c', 'a/b ; c'],
    ['nonsense', undefined],
    ['', undefined],
    ['.', undefined],
    ['/', undefined],
    ['video/', undefined],
    ['/mp4', undefined],
    ['a/b/c', undefined],
    ['clip.mp4', undefined], // a name: that is what filename is for
    ['..mp4', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['mp4 ', undefined],
  ])('of %j is %j', (type, expected) => {
    expect(expandType(type)).toBe(expected)
  })
})
