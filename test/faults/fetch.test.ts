// Sources that end early behind fetch handlers: a response must not end as if it were complete.

import http from 'node:http'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { faulty } from '../conformance/fetch-handlers.ts'
import { listen, type Running } from '../support/listen.ts'
import { nameOf, runWith } from '../support/runtimes.ts'

const script = fileURLToPath(new URL('../conformance/fetch-server.ts', import.meta.url))

// The servers log the errors.
beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

const running: Running[] = []
afterAll(() => Promise.all(running.map(({ close }) => close())))

async function onNode(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const [name, fetch] of Object.entries(faulty)) {
    const respond = getRequestListener(fetch, { overrideGlobalObjects: false })
    const server = await listen(http.createServer((...args) => void respond(...args)))
    running.push(server)
    ports[name] = server.port
  }
  return ports
}

/** All that a server sends before it ends the connection, or before it is quiet. */
async function receive(port: number): Promise<{ text: string; isEnded: boolean }> {
  const socket = net.connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  const ended = new Promise<boolean>((resolve) => socket.on('close', () => resolve(true)))
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  const quiet = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 2000))
  const isEnded = await Promise.race([ended, quiet])
  socket.destroy()
  return { text, isEnded }
}

describe.each([
  ['@hono/node-server', onNode],
  [nameOf('Bun'), runWith('Bun', script, '')],
  [nameOf('Deno'), runWith('Deno', script, '')],
])('%s', (_name, start) => {
  it.each(Object.keys(faulty))('cuts off %s', async (fault) => {
    const ports = (await start()) as Record<string, number>
    const { text, isEnded } = await receive(ports[fault]!)
    expect(text).toMatch(/^HTTP\/1.1 200 /)
    expect(isEnded).toBe(true)
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(false)
  })
})
