// The adapters that examples/ shows, each a page long, on the real framework or runtime.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  dialogueFolder,
  type DialogueOptions,
  holdDialogues,
  large,
} from '../../support/dialogues.ts'
import { type Example, examples, startExample } from '../../support/example.ts'
import { until } from '../../support/fixture.ts'
import { listen } from '../../support/listen.ts'
import { ask, field } from '../../support/raw.ts'
import { commandOf, nameOf } from '../../support/runtimes.ts'

const folder = dialogueFolder()
const env = { MEDIA: folder }
const node = [process.execPath]

/** A package of examples/ with its version. */
const require = createRequire(`${examples}package.json`)
function version(name: string): string {
  const manifest = require.resolve(name).replace(new RegExp(`(node_modules/${name})/.*`), '$1')
  const { version } = JSON.parse(readFileSync(`${manifest}/package.json`, 'utf8')) as {
    version: string
  }
  return `${name} ${version}`
}

interface Host extends DialogueOptions {
  readonly name: string
  readonly start: () => Promise<Example>
}

const hosts: Host[] = [
  { name: version('hono'), start: () => startExample('hono.mjs', node, env) },
  { name: version('h3'), start: () => startExample('h3.mjs', node, env) },
  { name: version('fastify'), start: () => startExample('fastify.mjs', node, env) },
  { name: version('@nestjs/core'), start: startNest },
  { name: 'a route handler of Next.js, without Next.js', start: startRoute },
  { name: version('@hono/node-server'), start: () => startExample('fetch.mjs', node, env) },
  {
    name: nameOf('Bun'),
    start: () => startExample('fetch.mjs', commandOf('Bun'), env),
    inTurn: true,
    omitsLength: true,
  },
  { name: nameOf('Deno'), start: () => startExample('fetch.mjs', commandOf('Deno'), env) },
]

function startNest(): Promise<Example> {
  const { outputFiles } = buildSync({
    absWorkingDir: examples,
    entryPoints: ['nest.ts'],
    bundle: true,
    packages: 'external',
    format: 'esm',
    write: false,
  })
  // Evaluated, so that it finds the packages of examples/.
  return startExample(outputFiles[0]!.text, [...node, '--input-type=module', '--eval'], env)
}

/** The handler alone: Next.js itself is too heavy for a test. */
async function startRoute(): Promise<Example> {
  process.env['MEDIA'] = folder
  const { GET, HEAD } = (await import(`${examples}next/app/media/[name]/route.js`)) as Record<
    string,
    (request: Request, context: object) => Promise<Response>
  >
  const respond = getRequestListener(
    (request) => {
      const name = new URL(request.url).pathname.split('/').at(-1)
      const handle = (request.method === 'HEAD' ? HEAD : GET)!
      return handle(request, { params: Promise.resolve({ name }) })
    },
    { overrideGlobalObjects: false },
  )
  const running = await listen(http.createServer((...args) => void respond(...args)))
  return { port: running.port, pid: process.pid, stop: () => void running.close() }
}

/** How many descriptors of a process lead to the large file. */
function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === `${folder}/large.bin`
    } catch {
      return false
    }
  }).length
}

let started: Example[] = []
beforeAll(async () => {
  started = await Promise.all(hosts.map(({ start }) => start()))
})
afterAll(() => {
  for (const example of started) example.stop()
})

describe.each(hosts.map((host, i) => [host.name, host, i] as const))('%s', (_name, host, i) => {
  const path = '/media/large.bin'
  holdDialogues(async (file) => ({ port: started[i]!.port, path: `/media/${file}` }), host)

  it('seeks', async () => {
    const response = await ask(started[i]!.port, {
      path,
      headers: [['Range', 'bytes=4000000-4099999']],
    })
    expect(response.status).toBe(206)
    expect(field(response, 'Content-Range')).toBe('bytes 4000000-4099999/8322278')
    expect(response.content.equals(large.subarray(4_000_000, 4_100_000))).toBe(true)
  })

  it('responds to HEAD as to GET, without content', async () => {
    const response = await ask(started[i]!.port, { path, method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(field(response, 'Content-Length')).toBe('8322278')
    expect(field(response, 'Accept-Ranges')).toBe('bytes')
    expect(response.content.length).toBe(0)
  })

  it('responds 404 for a file that is not found', async () => {
    const response = await ask(started[i]!.port, { path: '/media/none.bin' })
    expect(response.status).toBe(404)
    expect(String(response.content)).not.toContain(folder)
  })

  it('holds no descriptor once the client has disconnected', async () => {
    const { port, pid } = started[i]!
    const socket = net.connect(port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    expect(descriptors(pid)).toBeGreaterThan(0)
    socket.destroy()
    await until('the descriptor is closed', () => descriptors(pid) === 0)
  })
})

it('makes a StreamableFile of NestJS range-aware', async () => {
  const nest = started[hosts.findIndex(({ start }) => start === startNest)]!
  const response = await ask(nest.port, {
    path: '/streams/large.bin',
    headers: [['Range', 'bytes=4000000-4099999']],
  })
  expect(response.status).toBe(206)
  expect(field(response, 'ETag')).toMatch(/^"/)
  expect(response.content.equals(large.subarray(4_000_000, 4_100_000))).toBe(true)
})

it('is what the README names, with the versions', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const section = /## In a fetch handler\n[\s\S]*?\n## /.exec(readme)![0]
  const versions = [nameOf('Bun'), nameOf('Deno'), version('fastify').replace('fastify', 'Fastify')]
  for (const each of versions) expect(section).toContain(each)
})
