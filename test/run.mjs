// Everything that `npm test` runs once the packages are built; they end if a check
// fails. The tests come last, so that their summary is the last output.
//
//   node test/run.mjs [arguments of vitest]

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runStep } from './step.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => `${root}node_modules/.bin/${name}`

/**
 * Two lists, each in turn and beside the other: that of the packages waits for installations.
 *
 * @type {[title: string, command: string[], remedy?: string][][]}
 */
const checks = [
  [
    ['Lint', [bin('oxlint'), '--type-aware', '--deny-warnings'], 'npm run fix'],
    ['Format', [bin('oxfmt'), '--check'], 'npm run fix'],
    ['Types of tests', [bin('tsc'), '-p', 'test/tsconfig.json']],
    ['Unused code', [bin('knip')]],
  ],
  [['Packages, as they are published', [process.execPath, 'test/packages.mjs']]],
]

console.log('\nFive checks and all tests: about 4 minutes on two cores.')
const outcomes = await Promise.all(checks.map(inTurn))
const failed = outcomes.find((status) => status !== 0)
if (failed !== undefined) process.exit(failed)

/** The status of the first step that fails, or 0. */
async function inTurn(list) {
  for (const [title, command, remedy] of list) {
    const shell = process.platform === 'win32' && command[0] !== process.execPath
    const { status } = await runStep(title, command, { cwd: root, shell, stdout: wholeLines() })
    if (status !== 0) {
      const by = remedy ? ` \`${remedy}\` mends most of it.` : ''
      console.error(`\n${title}: failed.${by}`)
      return status
    }
  }
  return 0
}

/** The standard output of a step that runs beside another: its lines are printed once they end. */
function wholeLines() {
  let text = ''
  return {
    write(more) {
      text += more
      if (!text.endsWith('\n')) return
      process.stdout.write(text)
      text = ''
    },
  }
}

const vitest = `${root}node_modules/vitest/vitest.mjs`
const args = ['run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)]
console.log('\nTests')
const { status } = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
