// What the doctor reports about servers in use: each of these was checked by hand.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { rangeStatic as coreStatic, type StaticRequestHandler } from '@range-serve/core'
import { diagnose } from '@range-serve/doctor'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import koaRange from 'koa-range'
import koaSend from 'koa-send'
import Koa2 from 'koa2'
import { afterEach, describe, expect, it } from 'vitest'
import { servers as native } from '../bench/servers/native.mjs'
import { describeWith } from '../support/available.ts'
import { pattern, temporaryFolder, until, writeOldFile } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'

const folder = temporaryFolder()
fs.chmodSync(folder, 0o755)
writeOldFile(path.join(folder, 'clip.mp4'), pattern(200_000), new Date('2025-01-01T10:00:00Z'))

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function findingsAt(port: number): Promise<Record<string, string>> {
  const url = `http://127.0.0.1:${port}/clip.mp4`
  // A response that does not arrive within a second never does.
  const { findings } = await diagnose(url, { timeout: 1000 })
  return Object.fromEntries(findings.map(({ id, severity }) => [id, severity]))
}

async function findingsOf(server: http.Server): Promise<Record<string, string>> {
  const { port, close } = await listen(server)
  closing.push(close)
  return findingsAt(port)
}

function koa(Koa: typeof Koa3, ...middleware: Parameters<Koa3['use']>[0][]): http.Server {
  const app = new Koa()
  app.silent = true
  for (const one of middleware) app.use(one)
  const respond = app.callback()
  return http.createServer((request, response) => void respond(request, response))
}

const quiet = (app: express5.Express): http.Server => http.createServer(app.set('env', 'test'))

describe('the doctor on these packages', () => {
  const core = (handle: StaticRequestHandler) =>
    http.createServer((request, response) => void handle(request, response))
  const ours: [name: string, make: () => http.Server][] = [
    ['core', () => core(coreStatic(folder))],
    ['Express 5', () => quiet(express5().use(forExpress.rangeStatic(folder)))],
    ['Express 4', () => quiet(express4().use(forExpress.rangeStatic(folder)))],
    ['Koa 3', () => koa(Koa3, forKoa.rangeStatic(folder))],
    ['Koa 2', () => koa(Koa2, forKoa.rangeStatic(folder))],
  ]
  it.each(ours)('finds nothing wrong with rangeStatic, %s', async (_name, make) => {
    expect(await findingsOf(make())).toEqual({})
  })

  it('finds nothing wrong with a filter over koa-send', async () => {
    const send = (ctx: Koa3.Context) => koaSend(ctx, ctx.path, { root: folder })
    expect(await findingsOf(koa(Koa3, forKoa.rangeServe(), send))).toEqual({})
  })
})

describe('the doctor on others', () => {
  it('reports what express.static does differently', async () => {
    expect(await findingsOf(quiet(express5().use(express5.static(folder))))).toEqual({
      edges: 'wrong',
      versions: 'wrong',
      head: 'advice',
      grammar: 'advice',
    })
  })

  it('reports what koa-send behind koa-range does differently', async () => {
    const send = (ctx: Koa3.Context) => koaSend(ctx, ctx.path, { root: folder })
    expect(await findingsOf(koa(Koa3, koaRange, send))).toEqual({
      positions: 'wrong',
      edges: 'wrong',
      grammar: 'wrong',
      unsatisfiable: 'wrong',
      versions: 'wrong',
      several: 'advice',
      revalidation: 'advice',
      preconditions: 'advice',
    })
  })
})

const programs = [
  { name: 'nginx', program: 'nginx', finds: ['head', 'grammar'] },
  { name: 'apache', program: 'apache2', finds: ['head', 'unsatisfiable'] },
] as const
describe.each(programs)('the doctor on $name', ({ name, program, finds }) => {
  describeWith(program, program, () => {
    it('finds nothing wrong, and some advice', async () => {
      const port = await freePort()
      const state = fs.mkdtempSync(path.join(folder, `${name}-`))
      const [command = '', ...args] = native[name]({ folder, port, state })!
      const child = spawn(command, args, { stdio: 'ignore' })
      closing.push(() => stop(child))
      await until(`${name} accepts`, () => accepts(port))
      expect(await findingsAt(port)).toEqual(Object.fromEntries(finds.map((id) => [id, 'advice'])))
    })
  })
})

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill()
  await exit
}

async function freePort(): Promise<number> {
  const { port, close } = await listen(http.createServer())
  await close()
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
