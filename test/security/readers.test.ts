// Clients that request much and read little: each costs a bounded amount, and others do not wait.

import fs from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import v8 from 'node:v8'
import vm from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { folder } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { frameworks, type Sent, startHttp2 } from '../support/frameworks.ts'
import { ask } from '../support/raw.ts'

const MiB = 2 ** 20
// Sparse, since it is never read in full.
const length = 64 * MiB
const head = (range: string): string =>
  `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=${range}\r\n\r\n`

/** A client that sends a text and reads only on demand. */
async function connect(port: number, text: string): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.pause()
  socket.write(text)
  return socket
}

/** Reads a little of what has arrived: a byte, if there is one. */
function sip(socket: net.Socket): void {
  socket.resume()
  socket.once('data', () => socket.pause())
}

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

/**
 * The memory in use once it stops growing: buffers and heap. The resident set would show less,
 * since it includes what earlier tests have left.
 */
async function settledMemory(): Promise<number> {
  let last = 0
  for (let steady = 0, i = 0; steady < 3 && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collectGarbage()
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    steady = Math.abs(arrayBuffers + heapUsed - last) > MiB ? 0 : steady + 1
    last = arrayBuffers + heapUsed
  }
  return last
}

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  const sockets: net.Socket[] = []
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await running.close()
  })

  async function serveSparse(title: string): Promise<string> {
    const filePath = path.join(folder, `${name}-${title}`)
    fs.writeFileSync(filePath, '')
    fs.truncateSync(filePath, length)
    running = await start(() => filePath)
    return filePath
  }

  it(
    'holds little for each of 200 clients that do not read, and serves others',
    { timeout: 60_000 },
    async () => {
      const filePath = await serveSparse('slow')
      await ask(running.port, { headers: [['Range', 'bytes=0-999999']] })
      const before = await settledMemory()
      const connecting = Array.from({ length: 200 }, () => connect(running.port, head('0-')))
      sockets.push(...(await Promise.all(connecting)))
      for (let i = 0; i < 5; i++) {
        for (const socket of sockets.slice(0, 100)) sip(socket)
        const range: [string, string] = ['Range', `bytes=${i * MiB}-${i * MiB + 99_999}`]
        expect((await ask(running.port, { headers: [range] })).content.length).toBe(100_000)
      }
      const perReader = ((await settledMemory()) - before) / 200 / 1024
      // At most two pieces, and what the kernel and the client's half in this process hold.
      expect(perReader).toBeLessThan(600)
      for (const socket of sockets.splice(0)) socket.destroy()
      await until('all are over', () => running.transfers.length === 206)
      await until('the file is closed', () => openDescriptors(filePath) === 0)
      expect(running.transfers.filter(({ aborted }) => aborted)).toHaveLength(200)
    },
  )

  it.each([
    ['small ranges', '0-99'],
    ['ranges of 64 KiB', '0-65535'],
    ['large ranges', '0-'],
  ])(
    'holds little for 1,000 pipelined requests for %s that are never read',
    { timeout: 60_000 },
    async (what, range) => {
      const filePath = await serveSparse(what)
      await ask(running.port, { headers: [['Range', 'bytes=0-999999']] })
      const before = await settledMemory()
      sockets.push(await connect(running.port, head(range).repeat(1000)))
      const held = ((await settledMemory()) - before) / MiB
      expect(held).toBeLessThan(32)
      expect((await ask(running.port, { headers: [['Range', 'bytes=5-9']] })).content.length).toBe(
        5,
      )
      sockets.splice(0)[0]!.destroy()
      await until('the file is closed', () => openDescriptors(filePath) === 0)
    },
  )
})

describe('HTTP/2', () => {
  // Node refuses further streams of a session that holds 10 MB.
  it.each([
    ['a file', (filePath: string) => filePath],
    ['bytes in memory', () => Buffer.alloc(length)],
  ])(
    'leaves room for others in a session in which 100 responses are not read: %s',
    async (_what, make) => {
      const filePath = path.join(folder, 'http2-slow')
      fs.writeFileSync(filePath, '')
      fs.truncateSync(filePath, length)
      const source = make(filePath)
      const running = await startHttp2(() => source)
      const session = http2.connect(`http://127.0.0.1:${running.port}`)
      const begin = (range: string) =>
        new Promise<http2.ClientHttp2Stream>((resolve, reject) => {
          const stream = session.request({ ':path': '/', range: `bytes=${range}` })
          stream.on('error', reject)
          stream.once('response', () => resolve(stream))
        })
      try {
        for (let i = 0; i < 100; i++) {
          await begin('0-')
          // Each has filled its window, and holds what it may.
          if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 20))
        }
        const chunks: Buffer[] = []
        for await (const chunk of await begin('5-9')) chunks.push(chunk as Buffer)
        expect(Buffer.concat(chunks)).toHaveLength(5)
      } finally {
        session.destroy()
        await running.close()
      }
    },
  )
})
