// Many large responses at once: all of them progress, and none monopolises the server.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import net from 'node:net'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { folder, modified } from '../support/files.ts'
import { pattern, writeOldFile } from '../support/fixture.ts'
import { newest } from '../support/frameworks.ts'

const clients = 512
const content = pattern(4 * 1024 * 1024)
const filePath = path.join(folder, 'fair.bin')
writeOldFile(filePath, content, modified)

/** Sends a request for each client, and returns how many bytes each has when the first has all. */
async function sentTo(port: number): Promise<number[]> {
  const begun = new Set<Transfer>()
  const begin = (transfer: unknown): unknown => begun.add(transfer as Transfer)
  const sockets: net.Socket[] = []
  subscribe('range-serve:transfer:start', begin)
  try {
    return await new Promise((resolve) => {
      // Responses of the previous test may still be ending.
      const end = (transfer: unknown): void => {
        if (!begun.has(transfer as Transfer)) return
        unsubscribe('range-serve:transfer', end)
        resolve(Array.from(begun, ({ bytesSent }) => bytesSent))
      }
      subscribe('range-serve:transfer', end)
      for (let i = 0; i < clients; i++) {
        const socket = net.connect(port, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => {}).resume()
        socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
      }
    })
  } finally {
    unsubscribe('range-serve:transfer:start', begin)
    for (const socket of sockets) socket.destroy()
  }
}

/** The share that all have when the first has all: a piece or two less. */
const sources = [
  ['a file', 0.75, () => filePath, {}],
  ['a file read asynchronously', 0.75, () => filePath, { reads: 'async' }],
  ['bytes in memory', 0.25, () => content, {}],
] as const
const cases = newest
  .flatMap(([name, start]) =>
    sources.map(([what, ...rest]) => [name, what, start, ...rest] as const),
  )
  // Koa sends a Buffer itself, all at once.
  .filter(([name, what]) => name !== 'Koa 3' || what !== 'bytes in memory')

it.each(cases)(
  '%s serves 512 clients of %s evenly',
  async (_name, _what, start, least, make, options) => {
    let arrived = 0
    let go = (): void => {}
    const allThere = new Promise<void>((resolve) => (go = resolve))
    const running = await start(async () => {
      if (++arrived === clients) go()
      await allThere
      return make()
    }, options)
    try {
      const sent = (await sentTo(running.port)).toSorted((a, b) => a - b)
      expect(sent.length).toBe(clients)
      expect(sent[0]! / content.length).toBeGreaterThanOrEqual(least)
    } finally {
      await running.close()
    }
  },
)
