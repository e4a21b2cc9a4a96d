import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StaticFolder } from './folder.ts'
import type { StaticOptions } from './folder-options.ts'
import type { FolderRequest } from './static.ts'

let root: string

beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'folder-')))
  fs.mkdirSync(path.join(root, 'sub'))
  fs.mkdirSync(path.join(root, 'odd/index.html'), { recursive: true })
  for (const name of ['a.txt', '.hidden', 'sub/index.html']) {
    fs.writeFileSync(path.join(root, name), name)
  }
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
    // No redirect to where the request came from.
    ['/odd/', { index }, { kind: 'next' }],
    ['/odd/', { index, fallthrough: false }, error(404, 'ERR_NOT_A_FILE')],
    ['/', { index }, { kind: 'next' }],
  ])('of %s with %o', async (target, options, expected) => {
    expect(await find(target, options)).toMatchObject(expected)
  })

  it.each<[target: string, options: StaticOptions, name: string]>([
    ['/a.txt', {}, 'a.txt'],
    ['/a%2Etxt?query', {}, 'a.txt'],
    ['/.hidden', { dotfiles: 'allow' }, '.hidden'],
    ['/sub/', { index }, 'sub/index.html'],
  ])('of %s with %o is a file', async (target, options, name) => {
    const outcome = await find(target, options)
    if (outcome.kind !== 'file') throw new Error(`It is ${outcome.kind}`)
    expect(outcome.filePath).toBe(path.join(root, name))
    expect(outcome.source.length).toBe(name.length)
    // The file is open, so nothing of its path is left to say.
    expect(outcome.options).not.toHaveProperty('dotfiles')
    void outcome.source.close?.(true)
  })

  it('of another method', async () => {
    expect(await find('/a.txt', {}, { method: 'POST' })).toEqual({ kind: 'next' })
    const options = { fallthrough: false }
    expect(await find('/a.txt', options, { method: 'POST' })).toMatchObject({
      kind: 'method-not-allowed',
      allow: 'GET, HEAD',
    })
  })

  it('of a mount without its slash', async () => {
    const outcome = await find('/', { index: 'a.txt' }, { original: '/media?a' })
    expect(outcome).toEqual(redirect('./media/?a'))
  })

  it('keeps the default of an option that is undefined', async () => {
    const options = { maxAge: undefined, fallthrough: undefined } as unknown as StaticOptions
    const outcome = await find('/a.txt', options)
    expect(outcome).toMatchObject({ kind: 'file', options: { maxAge: 0 } })
    if (outcome.kind === 'file') void outcome.source.close?.(true)
    expect(await find('/missing', options)).toEqual({ kind: 'next' })
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
