// Two files of each size, and code that keeps what is written to one of them.

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'

export const sizes = [1000, 65_536, 300_000, 3_000_000]
let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'range-serve-memory-'))
  for (const name of ['mine', 'other']) {
    for (const size of sizes) writeFileSync(pathOf(name, size), contentOf(name, size))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

export const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const each of cleanUp.splice(0).toReversed()) each()
})

export const pathOf = (name: string, size: number) => path.join(folder, `${name}-${size}`)
export const contentOf = (name: string, size: number) =>
  Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => (name === 'mine' ? i : 255 - i)),
  )

export const isMine = (request: IncomingMessage) => request.url!.startsWith('/mine')

export function keepWrites(target: object, keep: (chunk: unknown) => void): void {
  for (const name of ['write', 'end']) {
    const original = Reflect.get(target, name) as (...args: unknown[]) => unknown
    const own = Object.hasOwn(target, name)
    Reflect.set(target, name, function (this: Partial<ServerResponse>, ...args: unknown[]) {
      if (!this.req || isMine(this.req)) keep(args[0])
      return original.apply(this, args)
    })
    cleanUp.push(() => {
      if (own) Reflect.set(target, name, original)
      else Reflect.deleteProperty(target, name)
    })
  }
}

export async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export async function get(port: number, target: string, headers = {}): Promise<Buffer> {
  const request = http.get({ host: '127.0.0.1', port, path: target, headers, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return Buffer.concat(await response.toArray())
}
