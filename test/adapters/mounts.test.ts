// rangeStatic of Express and Koa: mounts, options, and what is left to the next handler.

import fs from 'node:fs'
import type http from 'node:http'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import * as forKoa from '@range-serve/koa'
import { adapters, type Part, rangeServe, rangeStatic } from '../support/adapters.ts'
import type { App } from '../support/apps.ts'
import { filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { koas } from '../support/koa.ts'
import { ask, exchange, field } from '../support/raw.ts'

describe.each(adapters)('%s', (name, startApp) => {
  let app: App
  afterEach(() => app.close())

  async function start(...parts: Part[]): Promise<number> {
    app = await startApp(...parts)
    return app.port
  }

  it('serves a folder below its mount, and nothing beside it', async () => {
    const port = await start(rangeServe(), rangeStatic(folder, { at: '/media', maxAge: '1d' }))
    const response = await ask(port, { path: '/media/file.bin?x', ...range('0-9') })
    expect(response.status).toBe(206)
    expect(field(response, 'Cache-Control')).toBe('public, max-age=86400, no-transform')
    const beside = ['/mediafile.bin', '/file.bin', '/media/%2e%2e/file.bin', '/media/../file.bin']
    for (const target of [...beside, '/media/../media/missing']) {
      expect((await ask(port, { path: target })).status, target).toBe(299)
    }
  })

  it('leaves what it does not have to the next handler, unless fallthrough is false', async () => {
    const port = await start(
      rangeStatic(folder, { at: '/falls' }),
      rangeStatic(folder, { at: '/stays', fallthrough: false }),
    )
    for (const target of ['/falls/missing', '/falls/', '/falls/%ff']) {
      expect((await ask(port, { path: target })).status, target).toBe(299)
    }
    expect((await ask(port, { path: '/falls/file.bin', method: 'POST' })).status).toBe(299)
    expect((await ask(port, { path: '/stays/missing' })).status).toBe(404)
    expect((await ask(port, { path: '/stays/%ff' })).status).toBe(400)
    expect((await ask(port, { path: '/stays/%00' })).status).toBe(400)
    const post = await ask(port, { path: '/stays/file.bin', method: 'POST' })
    expect(post.status).toBe(405)
    expect(field(post, 'Allow')).toBe('GET, HEAD')
  })

  it('leaves a file that was open and has been deleted to the next handler', async () => {
    const port = await start(rangeStatic(folder))
    const file = `deleted-${name.replace(' ', '-')}`
    const deleted = path.join(folder, file)
    fs.writeFileSync(deleted, 'some text')
    expect((await ask(port, { path: `/${file}` })).status).toBe(200)
    fs.unlinkSync(deleted)
    expect((await ask(port, { path: `/${file}` })).status).toBe(299)
    await until('it is closed', () => openDescriptors(deleted) === 0)
  })

  it('redirects its own path to the one with a slash if there is an index', async () => {
    const site = path.join(folder, 'mounted')
    fs.mkdirSync(site, { recursive: true })
    fs.writeFileSync(path.join(site, 'index.html'), 'the index')
    const port = await start(
      rangeStatic(site, { at: '/at/site', index: 'index.html' }),
      rangeStatic(site, { at: '/bare' }),
      rangeStatic(path.join(site, 'missing'), { at: '/missing', index: 'index.html' }),
      rangeStatic(site, { index: 'index.html' }),
    )
    for (const target of ['/at/site', '/at/site?q=a?b', 'http://h/at/site']) {
      const redirect = await ask(port, { path: target })
      expect(redirect.status, target).toBe(301)
      const base = new URL(target, 'http://h')
      const location = new URL(field(redirect, 'Location')!, base)
      expect(location.href).toBe(`http://h/at/site/${base.search}`)
    }
    for (const target of ['/at/site/', '/at/site/?q', '/', '/?q', 'http://h', 'http://h/']) {
      const response = await ask(port, { path: target })
      expect(response.content.toString(), target).toBe('the index')
    }
    expect((await ask(port, { path: '/bare' })).status).toBe(299)
    expect((await ask(port, { path: '/missing' })).status).toBe(299)
  })

  it('serves the index of a folder, and redirects to the folder with its slash', async () => {
    const site = path.join(folder, 'site')
    fs.mkdirSync(path.join(site, 'sub'), { recursive: true })
    fs.writeFileSync(path.join(site, 'sub/index.html'), 'the index')
    const port = await start(rangeStatic(site, { at: '/at', index: 'index.html' }))
    expect((await ask(port, { path: '/at/sub/' })).content.toString()).toBe('the index')
    for (const query of ['', '?q', '?', '?q=a?b&c=?d']) {
      const redirect = await ask(port, { path: `/at/sub${query}` })
      expect(redirect.status).toBe(301)
      const target = new URL(field(redirect, 'Location')!, `http://h/at/sub${query}`)
      expect(target.href).toBe(`http://h/at/sub/${query}`)
    }
  })

  it('accepts a target in absolute form', async () => {
    const port = await start(rangeStatic(folder, { at: '/media', fallthrough: false }))
    for (const host of ['http://127.0.0.1', 'http://other.example:8080', 'HTTPS://h']) {
      const response = await ask(port, { path: `${host}/media/file.bin?x`, ...range('0-9') })
      expect(response.status, host).toBe(206)
      expect((await ask(port, { path: `${host}/media/missing` })).status, host).toBe(404)
    }
  })

  it('hides dotfiles, and symbolic links that leave the folder', async () => {
    const inside = path.join(folder, 'inside')
    fs.mkdirSync(inside)
    fs.writeFileSync(path.join(inside, '.hidden'), 'hidden')
    fs.symlinkSync(filePath, path.join(inside, 'out'))
    fs.writeFileSync(path.join(inside, 'in.txt'), 'in')
    fs.symlinkSync('in.txt', path.join(inside, 'link'))
    const port = await start(
      rangeStatic(inside, { at: '/a', fallthrough: false }),
      rangeStatic(inside, { at: '/b', fallthrough: false, dotfiles: 'deny' }),
      rangeStatic(inside, { at: '/c', dotfiles: 'allow', followSymlinks: true }),
    )
    expect((await ask(port, { path: '/a/.hidden' })).status).toBe(404)
    expect((await ask(port, { path: '/a/out' })).status).toBe(404)
    expect((await ask(port, { path: '/a/link' })).content.toString()).toBe('in')
    expect((await ask(port, { path: '/b/.hidden' })).status).toBe(403)
    expect((await ask(port, { path: '/c/.hidden' })).content.toString()).toBe('hidden')
    expect((await ask(port, { path: '/c/out', ...range('0-3') })).status).toBe(206)
    fs.rmSync(inside, { recursive: true })
  })

  it('inherits the options of rangeServe, and overrides them by its own', async () => {
    const reported: string[] = []
    const report = (by: string) => (transfer: Transfer) =>
      void reported.push(`${by} ${transfer.url}`)
    const own = { onTransfer: report('own'), maxRanges: 2 }
    const port = await start(
      rangeServe({ onTransfer: report('default'), maxRanges: 1 }),
      rangeStatic(folder, { at: '/served' }),
      rangeStatic(folder, { at: '/own', ...own }),
    )
    const full = await ask(port, { path: '/served/file.bin', ...range('0-0,90000-90000') })
    expect(full.status).toBe(200) // by the default
    const several = await ask(port, { path: '/own/file.bin', ...range('0-0,90000-90000') })
    expect(several.status).toBe(206) // by its own
    await until('both are reported, once', () => reported.length > 1)
    expect(reported).toEqual(['default /served/file.bin', 'own /own/file.bin'])
  })

  it('inherits no option of rangeServe that determines which files are served', async () => {
    const site = path.join(folder, 'defaults')
    fs.mkdirSync(site, { recursive: true })
    fs.writeFileSync(path.join(site, 'in.txt'), 'in')
    fs.writeFileSync(path.join(site, '.hidden'), 'hidden')
    fs.rmSync(path.join(site, 'out'), { force: true })
    fs.symlinkSync(filePath, path.join(site, 'out'))
    const defaults = { root: '/nowhere', dotfiles: 'allow', followSymlinks: true } as const
    const port = await start(rangeServe(defaults), rangeStatic(site))
    expect((await ask(port, { path: '/in.txt' })).content.toString()).toBe('in')
    expect((await ask(port, { path: '/.hidden' })).status).toBe(299)
    expect((await ask(port, { path: '/out' })).status).toBe(299)
  })

  it('inherits acceptRanges: false, unless its own says otherwise', async () => {
    const port = await start(
      rangeServe({ acceptRanges: false }),
      rangeStatic(folder, { at: '/served' }),
      rangeStatic(folder, { at: '/own', acceptRanges: true }),
    )
    const none = await ask(port, { path: '/served/file.bin', ...range('0-9') })
    expect(none.status).toBe(200)
    expect(field(none, 'Accept-Ranges')).toBe('none')
    expect((await ask(port, { path: '/own/file.bin', ...range('0-9') })).status).toBe(206)
  })

  it('keeps a Cache-Control that is already set, unless the option is given', async () => {
    const setHeaders = (response: http.ServerResponse) =>
      void response.setHeader('Cache-Control', 'immutable')
    const port = await start(
      ({ path: target, set, next }) => {
        if (/before|option/.test(target)) set({ 'Cache-Control': 'private' })
        return next()
      },
      rangeStatic(folder, { at: '/default' }),
      rangeStatic(folder, { at: '/set-headers', setHeaders }),
      rangeStatic(folder, { at: '/before' }),
      rangeStatic(folder, { at: '/before-max-age', maxAge: '1d', immutable: true }),
      rangeStatic(folder, { at: '/option', cacheControl: 'no-store' }),
    )
    const expected = {
      '/default': 'public, max-age=0',
      '/set-headers': 'immutable',
      '/before': 'private',
      '/before-max-age': 'private',
      '/option': 'no-store',
    }
    for (const [at, cacheControl] of Object.entries(expected)) {
      const file = { path: `${at}/file.bin` }
      const [full, part] = await exchange(port, [file, { ...file, ...range('0-9') }])
      expect(field(full!, 'Cache-Control'), at).toBe(cacheControl)
      expect(field(part!, 'Cache-Control'), at).toBe(`${cacheControl}, no-transform`)
    }
  })

  it('calls setHeaders and etag with the file', async () => {
    const port = await start(
      rangeStatic(folder, {
        etag: ({ size: length }) => `"${length}"`,
        setHeaders: (response, file, stats) =>
          void response.setHeader('X-File', `${path.basename(file)} ${stats.size}`),
      }),
    )
    const response = await ask(port, { path: '/file.bin', ...range('0-1') })
    expect(field(response, 'ETag')).toBe(`"${size}"`)
    expect(field(response, 'X-File')).toBe(`file.bin ${size}`)
  })
})

describe.each(koas)('%s', (_name, { start }) => {
  describe('rangeStatic', () => {
    it.each([
      ['/media', ['/media', '/m%65dia']],
      ['media/', ['/media']],
      ['/my files', ['/my%20files']],
      ['/my%20files', ['/my%20files']],
      ['/a/\u00e4 & b', ['/a/%C3%A4%20&%20b', '/%61/%c3%a4%20%26%20b']],
      ['/100%', ['/100%25']],
      ['', ['']],
      ['/', ['']],
    ])('is mounted at %j, encoded or not', async (prefix, mounts) => {
      const port = await start(
        forKoa.rangeStatic(folder, { prefix, fallthrough: false }),
        (ctx) => void (ctx.status = 299),
      )
      for (const mount of mounts) {
        expect((await ask(port, { path: `${mount}/file.bin?x`, ...range('0-9') })).status).toBe(206)
        expect((await ask(port, { path: `${mount}/missing` })).status).toBe(404)
        expect((await ask(port, { path: `${mount}/..%2ffile.bin` })).status).toBe(404)
      }
      if (mounts[0] === '') return
      const beside = [
        '/',
        `${mounts[0]}s/file.bin`,
        `${mounts[0]}%2ffile.bin`,
        '/%ff/file.bin',
        '/my',
      ]
      for (const target of beside) {
        expect((await ask(port, { path: target })).status, target).toBe(299)
      }
    })
  })
})
