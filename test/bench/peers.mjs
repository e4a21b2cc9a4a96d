import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { find } from './servers/native.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))

/**
 * Installs the peers that this project is compared with: a separate package, which nothing else
 * needs.
 *
 * Two packages below Fastify (one for downloads, one for its tests) declare Node 22 and run on
 * 20.19. The `engine-strict` of the repository, which npm passes on, is for the dependencies of
 * this project.
 */
export function installPeers() {
  const lock = path.join(here, 'pnpm-lock.yaml')
  const installed = path.join(here, 'node_modules/.pnpm/lock.yaml')
  if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= fs.statSync(lock).mtimeMs)
    return
  const options = ['--ignore-workspace', '--frozen-lockfile', '--ignore-scripts']
  const args = ['install', ...options, '--config.engine-strict=false']
  execFileSync('npx', ['-y', 'pnpm@10.34.9', ...args], { cwd: here, stdio: 'inherit' })
  if (fs.existsSync(installed)) fs.utimesSync(installed, new Date(), new Date())
}

/** Name → version, of the packages and of the programs of the system. */
export function versionsOfPeers() {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(here, 'package.json'), 'utf8'))
  return {
    ...dependencies,
    nginx: versionOf(['nginx']),
    Apache: versionOf(['apache2', 'httpd']),
  }
}

function versionOf(programs) {
  const program = find(programs)
  if (!program) return 'not installed'
  const { stdout, stderr } = spawnSync(program, ['-v'], { encoding: 'utf8' })
  return /\/([\d.]+)/.exec(stdout + stderr)?.[1] ?? 'of unknown version'
}
