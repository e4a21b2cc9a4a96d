// Everything that `npm test` runs, in order; the first failure ends it. The tests come last, so
// that their summary, with the names of skipped tests, is the last output.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = `${root}node_modules/.bin/`

const steps = [
  ['Lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['Format', 'oxfmt', '--check'],
  ['Types of tests', 'tsc', '-p', 'test/tsconfig.json'],
  ['Unused code', 'knip'],
  ['Packages', 'node', 'test/packages.mjs'],
  ['Tests', 'vitest', 'run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)],
]

for (const [title, command, ...args] of steps) {
  console.log(`\n— ${title}: ${[command, ...args].join(' ')}`)
  const path = command === 'node' ? process.execPath : bin + command
  const { status } = spawnSync(path, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error(`\n${title}: failed`)
    process.exit(status ?? 1)
  }
}
