// Stores and origins: programs of the system, each started by a script in engines/ in a folder of its
// own, on a free port.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('engines/', import.meta.url))

/** What a script prints once its engine is ready. */
export interface Engine {
  readonly port: number
  /** Of S3. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of PostgreSQL. */
  readonly connectionString: string
  close(): Promise<void>
}

/** Starts an engine, and waits until it is ready. */
export async function startEngine(script: string, ...args: string[]): Promise<Engine> {
  const isNode = script.endsWith('.mjs')
  const [command, first] = isNode ? [process.execPath, [folder + script]] : [folder + script, []]
  const PATH = `${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin`
  const child = spawn(command, [...first, ...args], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  for await (const line of createInterface(child.stdout)) {
    const close = async () => {
      child.kill('SIGTERM')
      await exit
    }
    return { ...(JSON.parse(line) as Omit<Engine, 'close'>), close }
  }
  throw new Error(`${script} ended before it was ready: ${errors}`)
}
