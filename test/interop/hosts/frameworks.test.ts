// The adapters that examples/ shows, each a page long, on the real framework or runtime.

import { readFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { getRequestListener } from '@hono/node-server'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DialogueOptions, large } from '../../support/dialogues.ts'
import { type Example, examples, startExample } from '../../support/example.ts'
import { holdHost, hostFolder } from '../../support/hosts.ts'
import { listen } from '../../support/listen.ts'
import { ask, field } from '../../support/raw.ts'
import { commandOf, nameOf } from '../../support/runtimes.ts'

const folder = hostFolder()
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

/** The handler alone: Next.js itself is large, and next.test.ts looks for it. */
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

let started: Example[] = []
beforeAll(async () => {
  started = await Promise.all(hosts.map(({ start }) => start()))
})
afterAll(() => {
  for (const example of started) example.stop()
})

describe.each(hosts.map((host, i) => [host.name, host, i] as const))('%s', (_name, host, i) => {
  holdHost(folder, () => started[i]!, host)
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

it('the README names these hosts, with their versions', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const section = /## In a fetch handler\n[\s\S]*?\n## /.exec(readme)![0]
  const versions = [nameOf('Bun'), nameOf('Deno'), version('fastify').replace('fastify', 'Fastify')]
  for (const each of versions) expect(section).toContain(each)
})
