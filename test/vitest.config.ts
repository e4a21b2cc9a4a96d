import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { Summary } from './reporter.ts'

const source = (file: string) => fileURLToPath(new URL(`../packages/${file}`, import.meta.url))

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: {
    // Tests run the sources, so that a failure points at the line that was written.
    alias: [
      { find: /^@range-serve\/core\/(adapter|fetch)$/, replacement: source('core/src/$1.ts') },
      { find: /^@range-serve\/(core|express|koa|zip)$/, replacement: source('$1/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', new Summary()],
    // Tests provoke errors, which servers print: only what belongs to a failure is shown.
    silent: 'passed-only',
    // What hangs fails sooner, by bounds of its own: a property may take its time on a loaded machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, and each file starts servers of its own.
    maxWorkers: 2,
  },
})
