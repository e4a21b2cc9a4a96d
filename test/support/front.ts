// Servers in front of the one under test: programs of the system, each listening on a socket in its
// own folder, so that no two need the same port, or on a port of 127.0.0.1.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { until } from './fixture.ts'

export interface FrontResponse {
  readonly status: number
  readonly fields: http.IncomingHttpHeaders
  readonly content: Buffer
  /** Whether it reached the end that it had announced. */
  readonly isComplete: boolean
}

export interface Front {
  get(path: string, headers?: http.OutgoingHttpHeaders, method?: string): Promise<FrontResponse>
  close(): Promise<void>
}

/** Starts a program that stays in the foreground, and waits until it accepts connections. */
export async function startFront(
  program: string,
  args: readonly string[],
  address: string | number,
  env: NodeJS.ProcessEnv = {},
): Promise<Front> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const where =
    typeof address === 'string' ? { socketPath: address } : { host: '127.0.0.1', port: address }
  const exit = once(child, 'exit')
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const get = (path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET') =>
    new Promise<FrontResponse>((resolve, reject) => {
      const options = { ...where, method, path, headers, agent: false, timeout: 10_000 }
      const request = http.request(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => {})
        response.on('close', () => {
          const { statusCode: status = 0, headers: fields, complete: isComplete } = response
          resolve({ status, fields, content: Buffer.concat(chunks), isComplete })
        })
      })
      request.on('timeout', () => request.destroy(new Error('No response within 10 s')))
      request.on('error', reject)
      request.end()
    })
  const close = async () => {
    child.kill()
    await exit
  }
  try {
    await until(`${program} accepts`, () => accepts(address, child.exitCode), 10_000)
  } catch (error) {
    await close()
    throw new Error(`${program} said: ${said}`, { cause: error })
  }
  return { get, close }
}

async function accepts(address: string | number, exitCode: number | null): Promise<boolean> {
  if (exitCode !== null) throw new Error(`It exited with ${exitCode}`)
  const socket =
    typeof address === 'string' ? net.connect(address) : net.connect(address, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
