// An example in a process of its own, on a free port.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const examples = fileURLToPath(new URL('../../examples/', import.meta.url))

export interface Example {
  readonly port: number
  readonly pid: number
  stop(): void
}

/**
 * Starts an example, and reads the port from what it prints.
 *
 * @param program what runs it, with arguments
 * @param env what else is in its environment
 * @param itsArgs the arguments of the example
 */
export async function startExample(
  name: string,
  program: readonly string[] = [process.execPath],
  env: NodeJS.ProcessEnv = {},
  itsArgs: readonly string[] = [],
): Promise<Example> {
  const [command = '', ...args] = program
  const started = spawn(command, [...args, name, ...itsArgs], {
    cwd: examples,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // By console, so that it is shown if a test fails.
  started.stderr.on('data', (chunk) => console.error(String(chunk).trimEnd()))
  const stop = () => void started.kill('SIGKILL')
  let printed = ''
  // Left open, for what is printed later.
  for await (const chunk of started.stdout.iterator({ destroyOnReturn: false })) {
    printed += String(chunk)
    const port = /http:\/\/localhost:(\d+)[/\s]/.exec(printed)?.[1]
    if (port === undefined) continue
    started.stdout.resume()
    return { port: Number(port), pid: started.pid!, stop }
  }
  throw new Error(`${name} ended before it listened: ${printed}`)
}
