// Every spelling of a path that leads out of a folder, sent literally over a socket.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rangeStatic, serve, type StaticRequestHandler } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'

// A folder to serve, and beside it files that must never be served.
const folder = temporaryFolder()
const root = path.join(folder, 'root')
const modified = new Date('2025-01-01T10:00:00Z')
const secret = 'never to be served'
fs.mkdirSync(path.join(root, 'a'), { recursive: true })
fs.mkdirSync(path.join(folder, 'root-secret'))
for (const file of ['secret', 'root-secret/secret', 'root/.secret', 'root/a/.secret']) {
  writeOldFile(path.join(folder, file), Buffer.from(secret), modified)
}
for (const file of ['public', 'a/public']) {
  writeOldFile(path.join(root, file), Buffer.from('for all'), modified)
}
fs.symlinkSync('../secret', path.join(root, 'link'))
fs.symlinkSync('..', path.join(root, 'out'))
fs.symlinkSync('link', path.join(root, 'link-to-link'))
fs.symlinkSync('loop', path.join(root, 'loop'))
fs.symlinkSync('/dev/zero', path.join(root, 'device'))
execFileSync('mkfifo', [path.join(root, 'fifo')])

const dots = ['..', '%2e%2e', '%2E%2e', '.%2E', '%2e.', '%252e%252e', '%25%32%65%25%32%65', '%c0%ae%c0%ae', '%c0%2e%c0%2e', '%e0%80%ae%e0%80%ae', '%f0%80%80%ae%f0%80%80%ae', '%u002e%u002e', '\xc0\xae\xc0\xae', '%ef%bc%8e%ef%bc%8e', '..%00', '..;', '..;a=b', '..%20', '..%09', '...', '....', '%2e%2e%2e', '..%c2%a0', '.%00.'] // prettier-ignore
const slashes = ['/', '%2f', '%2F', '//', '\\', '%5c', '%5C', '%252f', '%255c', '%c0%af', '%e0%80%af', '/./', '/.%00/', '%00/'] // prettier-ignore

/** What is in the folder but must not be served, or is not a file. */
const within: readonly string[] = [
  ['.secret', '%2esecret', '%2Esecret', 'a/.secret', 'a/%2esecret', './.secret', '.secret/', '.secret%00', '.secret/.', 'a/../.secret'].map((dotfile) => `/${dotfile}`),
  ['link', 'link-to-link', 'out/secret', 'out/root/../secret', 'out/root-secret/secret', 'loop', 'device', 'fifo', 'socket', 'a', 'a/', '', 'fifo/', 'public/', 'public/secret', 'public%00'].map((special) => `/${special}`),
].flat() // prettier-ignore

const outwards: readonly string[] = [
  dots.flatMap((up) => slashes.map((slash) => `/${up}${slash}secret`)),
  dots.map((up) => `/a/${up}/${up}/secret`),
  dots.map((up) => `/${`${up}/`.repeat(30)}etc/passwd`),
  ['/etc/passwd', '//etc/passwd', '/%2fetc%2fpasswd', '//127.0.0.1/../secret', '/C:/secret', '/C:%5csecret', '/c:secret', '/%5c%5chost%5csecret', '/file:///etc/passwd', '/file:%2f%2f%2fetc%2fpasswd'],
  ['', '%2f', '?', '?a=/../', '%23', '%3f', ';', '%20', '.', '/', '/.', '%00', '%00.html', '::$DATA', '~'].map((end) => `/../secret${end}`),
  ['/../root-secret/secret', '/%2e%2e/root-secret/secret', '-secret/secret', '/..%2froot-secret%2fsecret'],
  ['a'.repeat(255), 'a'.repeat(256), 'a'.repeat(5000), 'a/'.repeat(3000), '../'.repeat(3000), '%2e%2e%2f'.repeat(1000), '%'.repeat(1000), '%ff', '%', '%2', '%zz', '%00'].map((odd) => `/${odd}secret`),
  ['http://127.0.0.1/../secret', 'http://127.0.0.1/%2e%2e/secret', 'http://127.0.0.1/..%2fsecret', 'http://127.0.0.1\\..\\secret', '../secret', '*', 'secret', '..', '?', '#/../secret', 'file:///etc/passwd'],
].flat() // prettier-ignore
const spellings = [...outwards, ...within]

/** Paths that climb but stay inside all the way: the public file. */
const inside: readonly string[] = ['..', '%2e%2e', '.%2E', '%2e.'].flatMap((up) => [`/a/${up}/public`, `/a/${up}/a/public`, `/a%2f${up}%2fpublic`, `/a/./${up}//public`, `/no/such/${up}/${up}/public`, `/a/${up}/a/${up}/public`]) // prettier-ignore
/** Paths that leave the root and return to it. */
const outAndBack: readonly string[] = ['..', '%2e%2e', '.%2E', '%2e.'].flatMap((up) => [`/${up}/public`, `/a/${up}/${up}/public`, `/${up}/root/public`, `/a/${up}/${up}/root/public`, `/a%2f${up}%2f${up}%2froot%2fpublic`, `//${up}/root/public`, `/./${up}/root/a/public`]) // prettier-ignore

/** As an application may do it: the decoded path is a path below the root. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url.slice(1))
  } catch {
    throw Object.assign(new Error('No path'), { status: 400 })
  }
}

function startExpress(
  express: typeof express5,
  ...handlers: express5.RequestHandler[]
): Promise<Running> {
  const app = express()
  app.set('env', 'production')
  app.use(forExpress.rangeServe(), ...handlers)
  app.use(((error, _request, response, _next) => {
    response.status(error.status ?? 500).end()
  }) satisfies express5.ErrorRequestHandler)
  return listen(http.createServer(app))
}

function startKoa(Koa: typeof Koa3, middleware: Koa3.Middleware): Promise<Running> {
  const app = new Koa()
  app.silent = true
  app.use(forKoa.rangeServe()).use(middleware)
  const respond = app.callback()
  return listen(http.createServer((request, response) => void respond(request, response)))
}

function startNode(): Promise<Running> {
  return listen(
    http.createServer((request, response) => {
      void (async () => serve(request, response, decoded(request.url ?? ''), { root }))().catch(
        (error: { status?: number }) => response.writeHead(error.status ?? 500).end(),
      )
    }),
  )
}

function startStatic(handler: StaticRequestHandler): Promise<Running> {
  return listen(http.createServer((request, response) => void handler(request, response)))
}

/** What a function must exclude itself: hidden files and links. Its path cannot climb. */
const isHidden = (each: string): boolean =>
  /(^|[/])[.]/.test(each) || /^(link|out|device)/.test(each)

const sendBelowRoot: express5.RequestHandler = (request, response) =>
  void response.sendRange(decoded(request.url), { root })
const servers: readonly [name: string, start: () => Promise<Running>][] = [
  ['serve', startNode],
  ['Express 5, sendRange', () => startExpress(express5, sendBelowRoot)],
  ['Express 4, sendRange', () => startExpress(express4, sendBelowRoot)],
  ['Express 5, rangeStatic', () => startExpress(express5, forExpress.rangeStatic(root))],
  // Then only the path itself can show that it leads out.
  ['Express 5, rangeStatic that follows links and serves dotfiles', () => startExpress(express5, forExpress.rangeStatic(root, { followSymlinks: true, dotfiles: 'allow' }))],
  ['Express 5, rangeStatic with an index and an end', () => startExpress(express5, forExpress.rangeStatic(root, { index: 'secret', fallthrough: false }))],
  ['node:http, rangeStatic', () => startStatic(rangeStatic(root, { fallthrough: false }))],
  ['node:http, rangeStatic with extensions and precompressed files', () => startStatic(rangeStatic(root, { extensions: ['secret', 'html'], precompressed: true }))],
  ['node:http, rangeStatic of a function that joins paths', () => startStatic(rangeStatic((each) => (isHidden(each) ? undefined : path.join(root, each))))],
  ['Express 4, rangeStatic', () => startExpress(express4, forExpress.rangeStatic(root))],
  ['Koa 3, sendRange', () => startKoa(Koa3, (ctx) => ctx.sendRange(decoded(ctx.url), { root }))],
  ['Koa 3, rangeStatic', () => startKoa(Koa3, forKoa.rangeStatic(root))],
  ['Koa 3, rangeStatic with an end', () => startKoa(Koa3, forKoa.rangeStatic(root, { fallthrough: false }))],
  ['Koa 2, rangeStatic', () => startKoa(Koa2, forKoa.rangeStatic(root))],
] // prettier-ignore

const pipe = net.createServer()
beforeAll(() => new Promise<void>((resolve) => pipe.listen(path.join(root, 'socket'), resolve)))
afterAll(() => new Promise<void>((resolve) => pipe.close(() => resolve())))

describe.each(servers)('%s', (name, start) => {
  let running: Running
  beforeAll(async () => {
    running = await start()
  })
  afterAll(() => running.close())

  it(
    `reveals the secret by none of ${spellings.length} spellings`,
    { timeout: 60_000 },
    async () => {
      expect(new Set(spellings).size).toBeGreaterThan(400)
      const refused = name.includes('an index') ? [301, 400, 403, 404] : [400, 403, 404]
      const inTurn = (name.includes('follows') ? outwards : spellings).values()
      const askAll = async () => {
        for (const spelling of inTurn) {
          const { status, content } = await ask(running.port, {
            path: spelling,
            headers: [['Accept-Encoding', 'br, gzip']],
          })
          expect(content.includes(secret) || content.includes('root:'), spelling).toBe(false)
          expect(refused, `${status} for ${spelling.slice(0, 100)}`).toContain(status)
        }
      }
      await Promise.all(Array.from({ length: 8 }, askAll))
      const { content } = await ask(running.port, { path: '/a/public' })
      expect(content.toString()).toBe('for all')
    },
  )

  it.each(inside)('serves %s, which stays inside', async (spelling) => {
    const { status, content } = await ask(running.port, { path: spelling })
    expect([status, content.toString()]).toEqual([200, 'for all'])
  })

  it.each(outAndBack)('refuses %s, which leaves the root and reenters it', async (spelling) => {
    const { status, content } = await ask(running.port, { path: spelling })
    expect(status).toBe(404)
    expect(content.toString()).not.toBe('for all')
  })

  it('does not wait for a FIFO, however many requests there are', async () => {
    // More than there are threads for the file system.
    const responses = Array.from({ length: 16 }, () => ask(running.port, { path: '/fifo' }))
    for (const { status } of await Promise.all(responses)) expect(status).toBe(404)
    expect((await ask(running.port, { path: '/public' })).content.toString()).toBe('for all')
  })
})

describe('a root whose symbolic links are followed', () => {
  it('leads to a file outside, but not to a device, FIFO or loop', async () => {
    const options = { followSymlinks: true, fallthrough: false }
    const running = await startExpress(express5, forExpress.rangeStatic(root, options))
    try {
      expect((await ask(running.port, { path: '/link' })).content.toString()).toBe(secret)
      for (const special of ['device', 'fifo', 'loop', 'socket', 'out']) {
        expect((await ask(running.port, { path: `/${special}` })).status, special).toBe(404)
      }
    } finally {
      await running.close()
    }
  })
})
