// Each package as users get it: packed, checked, weighed, compiled against, and installed.

import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { tryInstalled } from './installs.mjs'
import { compilePrograms } from './types.mjs'

const run = promisify(execFile)

/** The most that the JavaScript of each package may weigh, gzipped, in bytes. Raise it on purpose. */
const budget = {
  core: 84_400,
  express: 19_500,
  koa: 13_400,
  http: 10_000,
  s3: 4_000,
  zip: 8000,
  doctor: 24_000,
}

const root = fileURLToPath(new URL('..', import.meta.url))
const names = Object.keys(budget)
const folder = mkdtempSync(join(tmpdir(), 'range-serve-packages-'))
const unpacked = join(folder, 'unpacked')

try {
  const tarballs = await packAll()
  for (const name of names) {
    weigh(name, join(root, 'packages', name, 'dist'))
    unpack(name, tarballs[name])
  }
  // Two at a time: the compilers work by themselves for as long as all the others.
  const outcomes = await Promise.allSettled([
    compilePrograms(unpacked, folder),
    lintAll(tarballs).then(() => tryInstalled(tarballs, folder)),
  ])
  for (const { reason } of outcomes) if (reason !== undefined) report(reason)
} finally {
  rmSync(folder, { recursive: true })
}

function report({ message, stdout, stderr }) {
  console.error([message, stdout, stderr].filter(Boolean).join('\n'))
  process.exitCode = 1
}

/** Name → path of a tarball. */
async function packAll() {
  const packages = ['--recursive', '--filter', './packages/*']
  const args = [...packages, 'pack', '--pack-destination', folder]
  await run('npm', ['run', '-s', 'pnpm', '--', ...args], { cwd: root })
  const files = readdirSync(folder)
  const fileOf = (name) => files.find((file) => file.startsWith(`range-serve-${name}-`))
  return Object.fromEntries(names.map((name) => [name, join(folder, fileOf(name))]))
}

async function lintAll(tarballs) {
  for (const name of names) {
    const cwd = join(root, 'packages', name)
    const bin = (command) => join(root, 'node_modules/.bin', command)
    await run(bin('publint'), ['--strict', tarballs[name]], { cwd })
    // Node has required ES modules since 20.19.
    const rules = ['--ignore-rules', 'cjs-resolves-to-esm']
    await run(bin('attw'), [...rules, '--format', 'ascii', tarballs[name]], { cwd })
  }
  console.log(`publint, attw: ${names.length} packages`)
}

function unpack(name, tarball) {
  const target = join(unpacked, name)
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xf', tarball, '-C', target, '--strip-components=1'])
  refuseState(name, target)
}

function weigh(name, dist) {
  const files = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.js'))
  const code = files.map((file) => readFileSync(join(dist, file), 'utf8')).join('\n')
  const size = gzipSync(code).length
  console.log(`${name}: ${size} bytes gzipped, of ${budget[name]}`)
  if (size > budget[name]) throw new Error(`${name} weighs more than it may`)
}

/** A build leaves its state in dist, which users have no use for. */
function refuseState(name, unpacked) {
  const states = readdirSync(unpacked, { recursive: true }).filter((file) =>
    file.endsWith('tsbuildinfo'),
  )
  if (states.length > 0) throw new Error(`${name} is packed with ${states.join(', ')}`)
}
