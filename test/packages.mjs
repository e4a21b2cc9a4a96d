// Each package as users get it: packed, checked, and weighed.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { compilePrograms } from './types.mjs'

/** The most that the JavaScript of each package may weigh, gzipped, in bytes. Raise it on purpose. */
const budget = {
  core: 80_000,
  express: 15_000,
  koa: 12_000,
  http: 10_000,
  s3: 4_000,
  zip: 8000,
  doctor: 24_000,
}

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'range-serve-packages-'))
const run = (command, args, cwd) =>
  execFileSync(join(root, 'node_modules/.bin', command), args, { cwd, stdio: 'inherit' })

try {
  for (const name of Object.keys(budget)) {
    const packageFolder = join(root, 'packages', name)
    execFileSync(
      'npm',
      ['run', '-s', 'pnpm', '--', '-C', packageFolder, 'pack', '--pack-destination', folder],
      {
        cwd: root,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    const tarball = join(
      folder,
      readdirSync(folder).find((file) => file.startsWith(`range-serve-${name}-`)),
    )
    run('publint', ['--strict', tarball], packageFolder)
    // Node has required ES modules since 20.19.
    const rules = ['--ignore-rules', 'cjs-resolves-to-esm']
    run('attw', [...rules, '--format', 'ascii', tarball], packageFolder)
    weigh(name, join(packageFolder, 'dist'))
    const unpacked = join(folder, 'unpacked', name)
    mkdirSync(unpacked, { recursive: true })
    execFileSync('tar', ['-xf', tarball, '-C', unpacked, '--strip-components=1'])
    refuseState(name, unpacked)
  }
  await compilePrograms(join(folder, 'unpacked'), folder)
} finally {
  rmSync(folder, { recursive: true })
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
