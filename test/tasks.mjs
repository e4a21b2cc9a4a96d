// `npm start`, `npm test` and the like: installs, builds, and then runs a program of this repository.
//
//   node test/tasks.mjs start|test|bench|compare|soak|setup [arguments of the program]
//
// Nothing is installed when it begins, so it uses Node's own modules only.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runStep } from './step.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const programs = {
  start: 'examples/media-server/server.mjs',
  test: 'test/run.mjs',
  bench: 'test/bench/run.mjs',
  compare: 'test/bench/compare.mjs',
  soak: 'test/soak/run.mjs',
  setup: undefined,
}

/** What to do about a failure, by what its output says. The first that matches is printed. */
const remedies = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|META_FETCH_FAIL/,
    'The npm registry cannot be reached. Check the network and, behind a proxy, `npm config get proxy`.',
  ],
  [
    /CERT|certificate/,
    'The certificate of the npm registry is not trusted: see `npm help config`, cafile.',
  ],
  [/ENOSPC/, 'The disk is full.'],
  [/EACCES|EPERM|EROFS/, `This user must be able to write to ${root} and to the cache of npm.`],
  [/OUTDATED_LOCKFILE/, 'A package.json and pnpm-lock.yaml differ: run `npm run pnpm -- install`.'],
]

const [task = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(programs, task)) fail(`The tasks are ${Object.keys(programs).join(', ')}.`)
checkNode()
await install()
if (task !== 'setup') {
  await build()
  const program = `${root}${programs[task]}`
  process.argv.splice(1, process.argv.length, program, ...args)
  await import(pathToFileURL(program).href)
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`Node 20.19 or newer is needed, and this is ${process.version}: see https://nodejs.org.`)
}

async function install() {
  const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const flags = ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only']
  const isFirst = !existsSync(`${root}node_modules/.modules.yaml`)
  // `npm run -s` would have npx, too, say nothing of its errors.
  const env = { ...process.env, npm_config_loglevel: 'error' }
  await step(
    isFirst ? 'Installing (once, about 30 s)' : 'Checking what is installed',
    [...npx(), packageManager, ...flags],
    { env, shell: process.platform === 'win32' && !npmPath() },
    'The installation failed. Run the command again; if it fails again, remove node_modules first.',
  )
}

async function build() {
  await step(
    'Building',
    [process.execPath, `${root}node_modules/typescript/bin/tsc`, '-b', 'packages'],
    {},
    'The packages could not be built. If their sources are unchanged, remove packages/*/dist, and run the command again.',
  )
}

async function step(title, command, options, advice) {
  const { status, output } = await runStep(title, command, { cwd: root, ...options })
  if (status === 0) return
  const [, remedy = advice] = remedies.find(([pattern]) => pattern.test(output)) ?? []
  fail(`\n${remedy}`, status)
}

/** The npm that runs this script, without a shell; otherwise the one of the PATH. */
function npx() {
  const npm = npmPath()
  return npm ? [process.execPath, npm, 'exec', '--yes', '--'] : ['npx', '--yes']
}

function npmPath() {
  const path = process.env.npm_execpath
  return path !== undefined && /npm-cli\.[cm]?js$/.test(path) ? path : undefined
}

/** @returns {never} */
function fail(message, status = 1) {
  console.error(message)
  process.exit(status)
}
