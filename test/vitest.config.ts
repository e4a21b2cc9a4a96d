import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { Summary } from './reporter.ts'

const source = (file: string) => fileURLToPath(new URL(`../packages/${file}`, import.meta.url))

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: {
    // Tests run the sources, so that a failure points at the line that was written.
    alias: [
      { find: /^@range-serve\/(core|http)\/(\w+)$/, replacement: source('$1/src/$2.ts') },
      { find: /^@range-serve\/(\w+)$/, replacement: source('$1/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', new Summary()],
    // Tests provoke errors, which servers print: only what belongs to a failure is shown.
    silent: 'passed-only',
    // What hangs fails sooner, by bounds of its own: a property may take its time on a loaded machine.
    testTimeout: 60_000,
    // The tests run on Node 20, too.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    hookTimeout: 60_000,
    // Two cores, and each file starts servers of its own, and waits for them now and then.
    maxWorkers: 3,
  },
})
