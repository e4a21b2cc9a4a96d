// `npm start` and the like, in a repository whose npm, compiler and programs are stand-ins.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const test = fileURLToPath(new URL('..', import.meta.url))

interface StandIns {
  /** What each program does. */
  readonly npm?: string
  readonly tsc?: string
  readonly args?: readonly string[]
}

const server = `console.log('served', JSON.stringify(process.argv.slice(2)))`

async function start({ npm = '', tsc = '', args = ['start', 'a folder', '--koa'] }: StandIns) {
  const root = mkdtempSync(join(tmpdir(), 'range-serve-tasks-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const files = {
    'package.json': JSON.stringify({ packageManager: 'pnpm@1.2.3', type: 'module' }),
    'bin/npm-cli.js': npm,
    'node_modules/typescript/package.json': '{}',
    'node_modules/typescript/bin/tsc': tsc,
    'examples/media-server/server.mjs': server,
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  for (const name of ['tasks.mjs', 'step.mjs']) cpSync(join(test, name), join(root, 'test', name))
  const child = spawn(process.execPath, ['test/tasks.mjs', ...args], {
    cwd: root,
    env: { ...process.env, npm_execpath: join(root, 'bin/npm-cli.js') },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => (printed += String(chunk)))
  }
  const [status] = await once(child, 'close', { signal: AbortSignal.timeout(20_000) })
  return { status, printed: printed.replaceAll(/\d+ s\b/g, 'N s'), root }
}

it('names each step, and then starts the program with its arguments', async () => {
  const npm = `console.log('npm prints', process.argv.slice(2).join(' '))`
  const { status, printed } = await start({ npm })
  expect(printed).toBe(
    'Installing (once, about N s)… N s\nBuilding… N s\nserved ["a folder","--koa"]\n',
  )
  expect(status).toBe(0)
})

const fails = (text: string, status: number) =>
  `console.error(${JSON.stringify(text)}); process.exitCode = ${status}`

it.each<[what: string, standIns: StandIns, printed: string, status: number]>([
  [
    'the output of an installation that fails, and what to do',
    { npm: `console.log(process.argv.slice(2).join(' ')); ${fails('ERR_PNPM_SOMETHING', 3)}` },
    `Installing (once, about N s)… N s, failed

exec --yes -- pnpm@1.2.3 install --frozen-lockfile --prefer-offline --reporter=append-only
ERR_PNPM_SOMETHING

The installation failed. Run the command again; if it fails again, remove node_modules first.
`,
    3,
  ],
  [
    'that the registry cannot be reached',
    { npm: fails('npm error code ENOTFOUND', 1) },
    `Installing (once, about N s)… N s, failed

npm error code ENOTFOUND

The npm registry cannot be reached. Check the network and, behind a proxy, \`npm config get proxy\`.
`,
    1,
  ],
  [
    'the errors of a build that fails, and what to do',
    { tsc: fails('packages/core/src/index.ts(1,1): error TS1005', 2) },
    `Installing (once, about N s)… N s
Building… N s, failed

packages/core/src/index.ts(1,1): error TS1005

The packages could not be built. If their sources are unchanged, remove packages/*/dist, and run the command again.
`,
    2,
  ],
  ['the tasks that there are', { args: ['strat'] }, 'The tasks are start, test, bench, compare, soak, setup.\n', 1], // prettier-ignore
])('prints %s', async (_what, standIns, expected, code) => {
  const { status, printed } = await start(standIns)
  expect(printed).toBe(expected)
  expect(status).toBe(code)
})
