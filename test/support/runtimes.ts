// Bun and Deno, from their npm packages.

import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterAll } from 'vitest'

export type Runtime = 'Bun' | 'Deno'

interface Manifest {
  readonly version: string
  readonly optionalDependencies: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
const manifestOf = (runtime: Runtime) =>
  require(`${runtime.toLowerCase()}/package.json`) as Manifest

/** The name of a runtime and its version. */
export function nameOf(runtime: Runtime): string {
  return `${runtime} ${manifestOf(runtime).version}`
}

/** The program of a runtime, of that package for its platform which is installed. */
function programOf(runtime: Runtime): string {
  const main = require.resolve(`${runtime.toLowerCase()}/package.json`)
  for (const name of Object.keys(manifestOf(runtime).optionalDependencies)) {
    try {
      const found = createRequire(main).resolve(`${name}/package.json`)
      return path.join(path.dirname(found), runtime === 'Bun' ? 'bin/bun' : 'deno')
    } catch {
      // For another platform.
    }
  }
  throw new Error(`${runtime} has no package for this platform`)
}

/** The program of a runtime, and its arguments before a script. */
export function commandOf(runtime: Runtime): string[] {
  const flags = runtime === 'Bun' ? ['run'] : ['run', '--allow-all', '--no-check']
  return [programOf(runtime), ...flags]
}

/**
 * A script that is run by Bun or Deno once its first line of output, which is JSON, is requested,
 * and until the tests of a file are over. To be called while they are collected.
 */
export function runWith(
  runtime: Runtime,
  script: string,
  argument: string,
): () => Promise<unknown> {
  let child: ChildProcess | undefined
  let line: Promise<unknown> | undefined
  afterAll(() => void child?.kill('SIGKILL'))
  return () => {
    line ??= (async () => {
      const [command = '', ...flags] = commandOf(runtime)
      const started = spawn(command, [...flags, path.basename(script), argument], {
        cwd: path.dirname(script),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child = started
      // By console, so that it is shown if a test fails.
      started.stderr.on('data', (chunk) => console.error(String(chunk).trimEnd()))
      let printed = ''
      for await (const chunk of started.stdout) {
        printed += String(chunk)
        if (printed.endsWith('\n')) return JSON.parse(printed) as unknown
      }
      throw new Error(`${runtime} ended early`)
    })()
    return line
  }
}
