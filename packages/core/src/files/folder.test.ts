import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StaticFolder } from './folder.ts'
import type { StaticOptions } from './folder-options.ts'
import type { FolderRequest } from './static.ts'

let root: string

beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'folder-')))
  fs.mkdirSync(path.join(root, 'sub'))
  fs.mkdirSync(path.join(root, 'odd/index.html'), { recursive: true })
  fs.mkdirSync(path.join(root, 'both'))
  fs.mkdirSync(path.join(root, 'second'))
  fs.mkdirSync(path.join(root, '.well'))
  const names = ['a.txt', '.hidden', 'sub/index.html', 'page.html', 'page.txt', 'v1.2.html']
  for (const name of [
    ...names,
    'both.html',
    'second/b.htm',
    '.well/known.html',
    'both/page.html',
  ]) {
    fs.writeFileSync(path.join(root, name), name)
  }
  fs.symlinkSync('/etc/passwd', path.join(root, 'out.html'))
})

afterAll(() => fs.rmSync(root, { recursive: true }))

function find(target: string, options: StaticOptions = {}, request: Partial<FolderRequest> = {}) {
  return new StaticFolder(root, options).find(
    { method: 'GET', headers: {}, target, original: target, request: undefined, ...request },
    undefined,
  )
}

describe('find', () => {
  const index = 'index.html'
  const error = (status: number, code: string) => ({ kind: 'error', error: { status, code } })
  const redirect = (location: string) => ({ kind: 'redirect', location })

  it.each<[target: string, options: StaticOptions, expected: object]>([
    ['/missing', {}, { kind: 'next' }],
    ['/missing', { fallthrough: false }, error(404, 'ENOENT')],
    ['/%', { fallthrough: false }, error(400, 'ERR_BAD_PATH')],
    ['/../a.txt', { fallthrough: false }, error(404, 'ERR_OUTSIDE_ROOT')],
    ['/.hidden', { fallthrough: false }, error(404, 'ERR_DOTFILE')],
    ['/.hidden', { fallthrough: false, dotfiles: 'deny' }, error(403, 'ERR_DOTFILE')],
    ['/sub', {}, { kind: 'next' }],
    ['/sub', { index }, redirect('./sub/')],
    ['/sub?a=b', { index }, redirect('./sub/?a=b')],
    ['/sub/', {}, { kind: 'next' }],
    // Nothing redirects to the path of the request itself.
    ['/odd/', { index }, { kind: 'next' }],
    ['/odd/', { index, fallthrough: false }, error(404, 'ERR_NOT_A_FILE')],
    ['/', { index }, { kind: 'next' }],
    // Folders without their slash
    ['/sub', { index, redirect: true }, redirect('./sub/')],
    ['/sub', { index, redirect: false }, { kind: 'next' }],
    ['/sub', { index, redirect: false, fallthrough: false }, error(404, 'ERR_NOT_A_FILE')],
    ['/sub', { index: [] }, { kind: 'next' }],
    ['/sub', { index: ['none', 'index.html'] }, redirect('./sub/')],
    ['/sub/../sub', { index }, redirect('./sub/')],
    ['/both', { index, extensions: 'html' }, redirect('./both/')],
    // Extensions
    ['/page', {}, { kind: 'next' }],
    ['/page', { extensions: false }, { kind: 'next' }],
    ['/page', { extensions: ['htm'] }, { kind: 'next' }],
    ['/page', { extensions: ['htm'], fallthrough: false }, error(404, 'ENOENT')],
    ['/page/', { extensions: 'html' }, { kind: 'next' }],
    ['/', { extensions: 'html' }, { kind: 'next' }],
    ['/', { extensions: 'hidden', dotfiles: 'allow' }, { kind: 'next' }],
    ['/sub/..', { extensions: 'html' }, { kind: 'next' }],
    ['/sub/.', { extensions: 'html' }, { kind: 'next' }],
    [
      '/both/../../both',
      { extensions: 'html', fallthrough: false },
      error(404, 'ERR_OUTSIDE_ROOT'),
    ],
    ['/out', { extensions: 'html', fallthrough: false }, error(404, 'ERR_OUTSIDE_ROOT')],
    ['/.well/known', { extensions: 'html', fallthrough: false }, error(404, 'ERR_DOTFILE')],
    [
      '/.hidden',
      { extensions: 'html', dotfiles: 'deny', fallthrough: false },
      error(403, 'ERR_DOTFILE'),
    ],
  ])('of %s with %o', async (target, options, expected) => {
    expect(await find(target, options)).toMatchObject(expected)
  })

  it.each<[target: string, options: StaticOptions, name: string]>([
    ['/a.txt', {}, 'a.txt'],
    ['/a%2Etxt?query', {}, 'a.txt'],
    ['/.hidden', { dotfiles: 'allow' }, '.hidden'],
    ['/sub/', { index }, 'sub/index.html'],
    ['/both/../sub/', { index }, 'sub/index.html'],
    ['/both/../a.txt', {}, 'a.txt'],
    ['/sub/', { index: ['none.html', 'index.html', 'b.htm'] }, 'sub/index.html'],
    ['/second/', { index: ['index.html', 'b.htm'] }, 'second/b.htm'],
    ['/odd/../second/', { index: ['index.html', 'b.htm'] }, 'second/b.htm'],
    ['/', { index: ['none', 'a.txt'] }, 'a.txt'],
    ['/page', { extensions: ['htm', 'html', 'txt'] }, 'page.html'],
    ['/page', { extensions: ['.txt', '.html'] }, 'page.txt'],
    ['/page', { extensions: 'html' }, 'page.html'],
    ['/page.html', { extensions: ['txt'] }, 'page.html'],
    ['/v1.2', { extensions: ['html'] }, 'v1.2.html'],
    ['/both', { extensions: ['html'] }, 'both.html'], // there is a folder of that name too
    ['/both', { extensions: ['html'], index, redirect: false }, 'both.html'],
    ['/both/page', { extensions: ['html'], index }, 'both/page.html'],
    ['/.well/known', { extensions: ['html'], dotfiles: 'allow' }, '.well/known.html'],
  ])('of %s with %o is a file', async (target, options, name) => {
    const outcome = await find(target, options)
    if (outcome.kind !== 'file') throw new Error(`It is ${outcome.kind}`)
    expect(outcome.filePath).toBe(path.join(root, name))
    expect(outcome.source.length).toBe(name.length)
    // The file is open, so its path no longer matters.
    expect(outcome.options).not.toHaveProperty('dotfiles')
    void outcome.source.close?.(true)
  })

  it('serves GET and HEAD alone', async () => {
    expect(await find('/a.txt', {}, { method: 'POST' })).toEqual({ kind: 'next' })
    const options = { fallthrough: false }
    expect(await find('/a.txt', options, { method: 'POST' })).toMatchObject({
      kind: 'method-not-allowed',
      allow: 'GET, HEAD',
    })
  })

  it('redirects a mount without its slash', async () => {
    const outcome = await find('/', { index: 'a.txt' }, { original: '/media?a' })
    expect(outcome).toEqual(redirect('./media/?a'))
    const options = { index: 'a.txt', redirect: false }
    expect(await find('/', options, { original: '/media' })).toEqual({ kind: 'next' })
  })

  it('keeps the default of an option that is undefined', async () => {
    const options = { maxAge: undefined, fallthrough: undefined } as unknown as StaticOptions
    const outcome = await find('/a.txt', options)
    expect(outcome).toMatchObject({ kind: 'file', options: { maxAge: 0 } })
    if (outcome.kind === 'file') void outcome.source.close?.(true)
    expect(await find('/missing', options)).toEqual({ kind: 'next' })
  })
})

describe('a root', () => {
  it('may be a file: URL', async () => {
    const folder = new StaticFolder(pathToFileURL(root), {})
    const request = { method: 'GET', headers: {}, target: '/a.txt', original: '/a.txt' }
    const outcome = await folder.find({ ...request, request: undefined }, undefined)
    if (outcome.kind !== 'file') throw new Error(`It is ${outcome.kind}`)
    expect(outcome.filePath).toBe(path.join(root, 'a.txt'))
    void outcome.source.close?.(true)
  })

  it.each([
    ['does not exist', 'none'],
    ['is below a file', 'a.txt/none'],
    ['is a folder', 'sub'],
  ])('is taken that %s', (_, name) => {
    expect(() => new StaticFolder(path.join(root, name), {})).not.toThrow()
  })

  it.each<[what: string, root: () => unknown, says: string]>([
    ['a file', () => path.join(root, 'a.txt'), 'sendRange(path)'],
    ['a file: URL of a file', () => pathToFileURL(path.join(root, 'a.txt')), 'must be a folder'],
    ['a device', () => '/dev/null', 'must be a folder'],
    ['another URL', () => new URL('https://host/'), 'root must be the path or file: URL'],
    ['empty', () => '', 'root must be'],
    ['null', () => null, 'root must be'],
    ['undefined', () => undefined, 'root must be'],
  ])('is refused if it is %s', (_, make, says) => {
    expect(() => new StaticFolder(make() as string, {})).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringContaining(says),
      }),
    )
  })
})

describe('the options of a folder', () => {
  it.each<[options: object]>([
    [{ index: true }],
    [{ index: 5 }],
    [{ index: '' }],
    [{ index: ['a', 5] }],
    [{ index: [undefined] }],
    [{ index: ['a\0'] }],
    [{ extensions: true }],
    [{ extensions: '' }],
    [{ extensions: '.' }],
    [{ extensions: ['html', ''] }],
    [{ extensions: ['../a'] }],
    [{ extensions: ['a/b'] }],
    [{ extensions: ['a\\b'] }],
    [{ extensions: ['..'] }],
    [{ precompressed: 'br' }],
    [{ precompressed: ['deflate'] }],
    [{ precompressed: ['br', undefined] }],
    [{ precompressed: {} }],
    [{ precompressed: 1 }],
  ])('are refused that are %j', (options) => {
    expect(() => new StaticFolder(root, options)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }),
    )
  })
})

describe('failed', () => {
  it.each([
    [404, true, 'next'],
    [404, false, 'error'],
    [503, true, 'error'],
    [undefined, true, 'error'],
  ])('of %s with fallthrough %s is %s', (status, fallthrough, kind) => {
    const outcome = new StaticFolder(root, { fallthrough }).failed({ status })
    expect(outcome.kind).toBe(kind)
  })
})
