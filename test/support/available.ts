import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'

/** Programs that are not a command in the PATH: shell text that prints something if they are installed. */
const probes: Readonly<Record<string, string>> = {
  'python3-swift': "/usr/bin/python3 -c 'import swift; print(swift.__file__)'",
  // The package of the server alone lacks this plugin.
  traffic_server: 'test -e /usr/lib/trafficserver/modules/slice.so && command -v traffic_server',
  postgresql: 'ls /usr/lib/postgresql/*/bin/initdb',
  // Not of the workspace, since it takes 320 MB.
  next: `ls '${fileURLToPath(new URL('../../examples/next/node_modules/next/dist/bin/next', import.meta.url))}'`,
}

/** The path of each client that a test may need; `undefined` if this machine lacks it. */
export function findProgram(command: string): string | undefined {
  // Servers are in folders that the PATH of an ordinary user often lacks.
  const PATH = `${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin`
  const options = { encoding: 'utf8', env: { ...process.env, PATH } } as const
  try {
    const probe = probes[command] ?? `command -v ${command}`
    return execFileSync('sh', ['-c', probe], { ...options, stdio: 'pipe' }).trim()
  } catch {
    return undefined
  }
}

/**
 * Describes tests that need a program of the system. If it is missing they are skipped, and named
 * with what they need; with RANGE_SERVE_REQUIRE_CLIENTS=1 they fail instead, unless it is optional.
 */
export function describeWith(
  command: string,
  title: string,
  tests: (path: string) => void,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): void {
  const path = findProgram(command)
  const required = process.env['RANGE_SERVE_REQUIRE_CLIENTS'] === '1' && !isOptional
  if (path === undefined && required) throw new Error(`${command} is required and not installed`)
  describe.skipIf(path === undefined)(`${title} [needs ${command}]`, () => {
    tests(path ?? command)
  })
}
