// Streams that are piped into an Express response, and writers whose client leaves.

import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import zlib from 'node:zlib'
import type { Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { expressApps } from '../support/express-apps.ts'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, exchange } from '../support/raw.ts'
import { patched } from '../support/deferring.ts'

const zippedPath = path.join(folder, 'file.gz')
fs.writeFileSync(zippedPath, zlib.gzipSync(bytes))

describe.each(expressApps)('%s', (_name, start) => {
  let running: Running
  afterEach(() => running.close())

  it('yields to the event loop while it discards what is written after the client has left', async () => {
    const most = 4096
    let made = 0
    let turns = 0
    const ended: unknown[] = []
    running = await start(rangeServe(), async (_request, response) => {
      const chunk = Buffer.alloc(65_536)
      response.set('Content-Length', String(most * chunk.length))
      const chunks = async function* () {
        for (; made < most; made++) yield chunk
      }
      const count = () => {
        turns++
        if (ended.length === 0) setImmediate(count)
      }
      count()
      await pipeline(chunks, response).then(
        () => ended.push('done'),
        (error: unknown) => ended.push(error),
      )
    })
    const socket = net.connect(running.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n')
    await once(socket, 'data')
    socket.resetAndDestroy()
    await until('the writer ends', () => ended.length > 0)
    // The client has all that it requested, so it has not left too early.
    expect(ended).toEqual(['done'])
    expect(made).toBe(most)
    expect(turns).toBeGreaterThan((most * 65_536) / 1024 / 1024 / 2)
  })

  it.each([
    ['that is not patched', []],
    ['that is patched', [patched]],
  ])('calls the callbacks of a response %s after its client has left', async (_where, before) => {
    const warnings: unknown[] = []
    const warn = (warning: unknown) => warnings.push(warning)
    process.on('warning', warn)
    let called = 0
    let closed = false
    running = await start(...before, rangeServe(), (_request, response) => {
      response.set('Content-Length', String(20 * size))
      response.on('close', () => (closed = true))
      for (let i = 0; i < 20; i++) response.write(bytes, () => called++)
    })
    const socket = net.connect(running.port, '127.0.0.1')
    socket.pause()
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=5-${15 * size}\r\n\r\n`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    socket.resetAndDestroy()
    await until('all are called', () => closed && called === 20)
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  it('adds no listener to a response that nothing listens to', async () => {
    let added: number | undefined
    running = await start(rangeServe(), (_request, response) => {
      added = response.listenerCount('pipe')
      response.send('text')
    })
    expect((await ask(running.port, range('1-2'))).status).toBe(206)
    expect(added).toBe(0)
  })

  it.each(['on', 'once', 'addListener', 'prependListener', 'a patched on'])(
    'knows what is piped into a response that was listened to by %s',
    async (method) => {
      const pipes: unknown[] = []
      running = await start(rangeServe(), (_request, response) => {
        if (method === 'a patched on') {
          const on = response.on
          response.on = (...args) => on.apply(response, args)
        } else {
          response[method as 'on']('pipe', (source) => pipes.push(source))
        }
        fs.createReadStream(filePath).pipe(response)
      })
      const [first, second] = await exchange(running.port, [range('5-9'), range('6-9')])
      expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
      expect([...second!.content]).toEqual([6, 7, 8, 9])
      expect(pipes.length).toBe(method === 'a patched on' ? 0 : 2)
      await until('all are closed', () => openDescriptors(filePath) === 0)
    },
  )

  describe('a source that is piped', () => {
    it('is piped to its other destination in full', async () => {
      const copyPath = path.join(folder, 'copy.bin')
      let copied = false
      running = await start(rangeServe(), (_request, response) => {
        const source = fs.createReadStream(filePath)
        response.set('Content-Length', String(size))
        source.pipe(fs.createWriteStream(copyPath).on('finish', () => (copied = true)))
        source.pipe(response)
      })
      const [first, second] = await exchange(running.port, [range('5-9'), range('6-9')])
      expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
      expect([...second!.content]).toEqual([6, 7, 8, 9])
      await until('it is copied', () => copied && openDescriptors(filePath) === 0)
      expect(fs.readFileSync(copyPath).equals(bytes)).toBe(true)
    })

    it.each<[what: string, send: (response: Response, ended: (error: unknown) => void) => void]>([
      [
        'pipes',
        (response, ended) => {
          const through = new PassThrough()
          fs.createReadStream(filePath).pipe(through).pipe(response)
          through.on('close', () => ended(undefined))
        },
      ],
      [
        'a pipeline',
        (response, ended) =>
          void pipeline(fs.createReadStream(zippedPath), zlib.createGunzip(), response).then(
            () => ended(undefined),
            ended,
          ),
      ],
    ])(
      'is read through transforms in %s, ends without an error, and is closed',
      async (_what, send) => {
        const ended: unknown[] = []
        running = await start(rangeServe(), (request, response) => {
          if (request.path === '/end') return void response.end()
          response.set('Content-Length', String(size))
          send(response, (error) => ended.push(error))
        })
        for (let i = 0; i < 10; i++) {
          // A pipeline fails if the client disconnects before its end, even with all requested bytes.
          const asked = [range('5-9'), range('-1'), { path: '/end' }]
          const [first, second] = await exchange(running.port, asked)
          expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
          expect([...second!.content]).toEqual([(size - 1) % 251])
        }
        await until('all end', () => ended.length === 20)
        expect(ended.filter(Boolean)).toEqual([])
        // A client that disconnects must not leave a file open.
        for (let i = 0; i < 10; i++) await ask(running.port, range('5-9'))
        await until('the files are closed', () => openDescriptors(folder) === 0)
      },
    )

    it('is never joined to the next response on an upstream’s connection', async () => {
      // The unread rest of a response looks like a response.
      const forged = `${'\r\n'.repeat(500)}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`
      const upstream = await listen(
        http.createServer((request, response) => {
          const filler = /^\/long\/(\d+)/.exec(request.url!)?.[1]
          if (request.url === '/file') {
            return response.writeHead(200, { 'Content-Length': size }).end(bytes)
          }
          if (filler === undefined) return response.end('honest')
          const content = 'a'.repeat(100 + Number(filler)) + forged.repeat(900)
          return response.writeHead(200, { 'Content-Length': content.length }).end(content)
        }),
      )
      let agent = new http.Agent()
      running = await start(rangeServe(), (request, response) => {
        http
          .get({ port: upstream.port, host: '127.0.0.1', agent, path: request.url }, (received) => {
            response.set('Content-Length', received.headers['content-length'])
            received.pipe(response)
          })
          .on('error', () => response.destroy())
      })
      try {
        for (let i = 0; i < 60; i++) {
          agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
          expect((await ask(running.port, { path: `/long/${i}`, ...range('0-9') })).status).toBe(
            206,
          )
          const next = await ask(running.port, { path: '/next' })
          expect(next.content.toString()).toBe('honest')
          agent.destroy()
        }
        agent = new http.Agent({ keepAlive: true })
        for (let i = 0; i < 12; i++) {
          const part = await ask(running.port, { path: '/file', ...range('100-2500000') })
          expect(part.content.equals(bytes.subarray(100, 2_500_001))).toBe(true)
        }
        agent.destroy()
      } finally {
        await upstream.close()
      }
    })

    it('is not touched once it is unpiped', async () => {
      const other = new PassThrough()
      running = await start(rangeServe(), (_request, response) => {
        response.set('Content-Length', String(size))
        other.pipe(response)
        other.unpipe(response)
        fs.createReadStream(filePath).pipe(response)
      })
      expect([...(await ask(running.port, range('5-9'))).content]).toEqual([5, 6, 7, 8, 9])
      await until('the file is closed', () => openDescriptors(filePath) === 0)
      expect(other.destroyed).toBe(false)
    })
  })

  it('closes a stream that is piped after the last byte, too', async () => {
    const seconds: fs.ReadStream[] = []
    running = await start(rangeServe(), (_request, response) => {
      const first = fs.createReadStream(filePath, { end: 99 })
      const second = fs.createReadStream(filePath)
      seconds.push(second)
      response.set('Content-Length', String(100 + size))
      first.on('end', () => second.pipe(response)).pipe(response, { end: false })
    })
    const [one, two] = await exchange(running.port, [range('5-9'), range('96-103')])
    expect([...one!.content]).toEqual([5, 6, 7, 8, 9])
    expect([...two!.content]).toEqual([96, 97, 98, 99, 0, 1, 2, 3])
    await until('the files are closed', () => openDescriptors(filePath) === 0)
    for (const second of seconds) expect(second.bytesRead).toBeLessThan(size / 4)
  })
})
