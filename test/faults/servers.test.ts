// What other code does to a response, a connection or the server during responses.

import { execFile } from 'node:child_process'
import { getEventListeners } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import fs from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import express from 'express'
import { fromReader, type Transfer } from '@range-serve/core'
import { rangeServe, rangeStatic } from '@range-serve/express'
import { begin } from '../support/clients.ts'
import { bytes, modified, range, size, filePath, folder as files } from '../support/files.ts'
import { openDescriptors, temporaryFolder, until, writeOldFile } from '../support/fixture.ts'
import { frameworks, protocols, type Sent } from '../support/frameworks.ts'
import { ask, exchange } from '../support/raw.ts'
import { listen, type Running } from '../support/listen.ts'
import { startExpress5 } from '../support/express-apps.ts'

const run = promisify(execFile)
const folder = temporaryFolder()
const large = 16 * 1024 * 1024
const content = Buffer.alloc(large, bytes)
const headers = [{}, { Range: 'bytes=1000-' }, { Range: 'bytes=0-7999999,8005000-' }]

describe.each(protocols)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  async function expectAllAborted(count: number): Promise<void> {
    await until('all transfers end', () => running.transfers.length === count)
    for (const transfer of running.transfers) expect(transfer).toMatchObject({ aborted: true })
    await until('the file is closed', () => openDescriptors(file) === 0, 2000)
    expect(running.errors).toEqual([])
  }

  const file = path.join(folder, name.replaceAll('/', ' '))
  writeOldFile(file, content, modified)

  /** Begins a response of each kind, and returns Node's response objects. */
  async function beginAll() {
    running = await start(() => file)
    const responses: { destroy(): void }[] = []
    running.server.on('request', (_request, response) => responses.push(response))
    const clients = headers.map((each) => begin(running.server, running.port, each))
    await Promise.all(clients.map(({ head }) => head))
    return { clients, responses }
  }

  it('a response that other code destroys is cut off, and its file closed', async () => {
    const { clients, responses } = await beginAll()
    for (const response of responses) response.destroy()
    for (const { rest } of clients) {
      const { complete, content } = await rest()
      expect(content.length).toBeLessThan(large / 2)
      // Node resets a stream that is destroyed without an error as if it had succeeded: only its
      // length shows the difference.
      if (name !== 'HTTP/2') expect(complete).toBe(false)
    }
    await expectAllAborted(clients.length)
  })

  it('connections that are closed all at once are cut off', async () => {
    const { clients } = await beginAll()
    await running.close()
    for (const { rest } of clients) expect(await rest()).toMatchObject({ complete: false })
    await expectAllAborted(clients.length)
  })

  it('a server that closes finishes the responses under way', async () => {
    const { clients } = await beginAll()
    let isClosed = false
    running.server.close(() => (isClosed = true))
    const responses = await Promise.all(clients.map(({ rest }) => rest()))
    expect(responses.map(({ complete }) => complete)).toEqual([true, true, true])
    expect(responses[0]!.content.equals(content)).toBe(true)
    await until('the server is closed', () => isClosed)
    await until('the file is closed', () => openDescriptors(file) === 0, 2000)
  })
})

describe.each(frameworks)('%s', (name, start) => {
  let running: Sent
  afterEach(() => running.close())

  const file = path.join(folder, `small ${name}`.replaceAll('/', ' '))
  writeOldFile(file, bytes, modified)

  it('leaves no listener on a connection, a signal or the process', async () => {
    const { signal } = new AbortController()
    const warnings: Error[] = []
    const note = (warning: Error) => void warnings.push(warning)
    process.on('warning', note)
    running = await start(() => file, { signal })
    const sockets: Socket[] = []
    running.server.on('connection', (socket: Socket) => sockets.push(socket))
    const counts: Record<string, number>[] = []
    const count = () => {
      const [socket] = sockets
      const names = socket!.eventNames() as string[]
      counts.push({
        ...Object.fromEntries(names.map((each) => [each, socket!.listenerCount(each)])),
        signal: getEventListeners(signal, 'abort').length,
        process: process.eventNames().reduce((sum, each) => sum + process.listenerCount(each as 'exit'), 0), // prettier-ignore
      })
    }
    const requests = [range('0-9'), range('0-99,5000-5099'), {}, range('1000-'), range('99999999-')]
    running.server.on('request', (_request, response: http.ServerResponse) => {
      if (!response.req.url!.startsWith('/count')) return
      // In the next turn, all code is done with the previous response.
      setImmediate(count)
    })
    await exchange(running.port, [{ path: '/count' }, ...requests, ...requests, ...requests].flatMap((each) => [each, { path: '/count', method: 'HEAD' }])) // prettier-ignore
    await until('all transfers end', () => running.transfers.length === 32)
    expect(counts.at(-1)).toEqual(counts[1])
    expect(getEventListeners(signal, 'abort').length).toBe(0)
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('bytes that are written after the end belong neither to the response nor to the next', async () => {
    running = await start(() => file)
    const errors: unknown[] = []
    running.server.on('request', (_request, response: http.ServerResponse) => {
      response.on('error', (error) => errors.push(error))
      response.once('finish', () => {
        response.write('more', (error) => errors.push(error))
        response.end('still more')
      })
    })
    const [part, whole] = await exchange(running.port, [range('0-9'), {}])
    expect(part!.content.equals(bytes.subarray(0, 10))).toBe(true)
    expect(whole!.content.equals(bytes)).toBe(true)
    await until('all transfers end', () => running.transfers.length === 2)
    for (const transfer of running.transfers) expect(transfer).toMatchObject({ aborted: false })
    for (const error of errors) expect(error).toBeInstanceOf(Error)
    expect((await ask(running.port, range('5-9'))).content.length).toBe(5)
  })
})

it('a process out of descriptors responds with an error, and serves once it has some', async () => {
  const file = path.join(folder, 'file')
  writeOldFile(file, bytes.subarray(0, size / 8), modified)
  const script = path.join(import.meta.dirname, '../support/no-descriptors.mjs')
  const { stdout } = await run(
    'sh',
    ['-c', `ulimit -n 60 && exec "${process.execPath}" "${script}"`],
    {
      env: { ...process.env, FILE: file },
      timeout: 15_000,
    },
  )
  expect(JSON.parse(stdout)).toEqual([
    ['out of them', 503],
    ['with some', 206],
  ])
})

describe('two responses to one request', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  const setField = (response: http.ServerResponse) => void response.setHeader('X-A', 'b')
  const answerItself = (response: http.ServerResponse) =>
    void response.writeHead(503).end('partial')
  it.each([
    ['a large one', () => filePath],
    ['a small one', () => bytes.subarray(0, 100)],
  ])('do not mix: %s after another', async (_what, second) => {
    const transfers: Promise<Transfer>[] = []
    running = await startExpress5(rangeServe(), (_request, response) => {
      transfers.push(response.sendRange(filePath), response.sendRange(second()))
    })
    const response = await ask(running.port, {}).catch(() => undefined)
    const ended = await Promise.all(transfers)
    expect(ended.filter(({ error }) => error !== undefined)).toMatchObject([
      { error: { code: 'ERR_HEADERS_SENT' } },
    ])
    const sent = ended.find(({ error }) => error === undefined)!
    expect(response?.content.length).toBe(sent.bytesPlanned)
    expect(response?.content.equals(bytes.subarray(0, sent.bytesPlanned))).toBe(true)
  })

  it('do not touch a response that other code has sent meanwhile', async () => {
    let transfer: Transfer | undefined
    running = await startExpress5(rangeServe(), (_request, response) => {
      void response.sendRange(filePath).then((ended) => {
        transfer = ended
        response.end('tial')
      })
      response.status(503).write('par')
    })
    const response = await ask(running.port, {})
    expect(response.status).toBe(503)
    expect(response.content.toString()).toBe('partial')
    expect(transfer).toMatchObject({ aborted: true, error: { code: 'ERR_HEADERS_SENT' } })
  })

  it.each([
    ['a file', '/file.bin', {}],
    ['a file with fields to be set', '/file.bin', { setHeaders: setField }],
    ['a folder', '/folder', { index: 'index.html' }],
    ['nothing', '/missing', { fallthrough: false }],
    ['a file whose setHeaders responds', '/file.bin', { setHeaders: answerItself, wait: false }],
  ])(
    'do not touch a response that other code has sent while %s was looked up',
    async (_what, at, given) => {
      fs.mkdirSync(path.join(files, 'folder'), { recursive: true })
      const { wait, ...options } = { wait: true, ...given }
      const errors: unknown[] = []
      const app = express()
      app.use(rangeServe(), (_request, response, next) => {
        next()
        if (!wait) return
        response.status(503).set('Content-Length', '7').write('par')
        setTimeout(() => response.end('tial'), 100)
      })
      app.use(rangeStatic(files, options))
      app.use(((error, _request, _response, next) => {
        errors.push(error)
        next(error)
      }) satisfies express.ErrorRequestHandler)
      running = await listen(http.createServer(app))
      const response = await ask(running.port, { path: at })
      expect(response.status).toBe(503)
      expect(response.content.toString()).toBe('partial')
      expect(errors).toEqual([])
      await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
    },
  )

  it('do not count as sent if other code has ended before the first byte', async () => {
    let transfer: Transfer | undefined
    running = await startExpress5(rangeServe(), (_request, response) => {
      const source = fromReader({ length: 10, read: () => new Promise<never>(() => {}) })
      void response.sendRange(source).then((ended) => (transfer = ended))
      setTimeout(() => response.status(503).end('busy'), 20)
    })
    expect((await ask(running.port, {})).content.toString()).toBe('busy')
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: true, bytesSent: 0 })
  })
})
