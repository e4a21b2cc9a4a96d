// How responses end in Express: clients that leave, upstreams, transfers, errors before the head.

import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { PassThrough, pipeline, Readable } from 'node:stream'
import express, { type ErrorRequestHandler, type Response } from 'express'
import { describe, expect, it } from 'vitest'
import type { Transfer } from '@range-serve/core'
import { rangeServe, type RangeServeOptions, rangeStatic } from '@range-serve/express'
import { leave } from '../support/clients.ts'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { listen } from '../support/listen.ts'
import { ask, exchange } from '../support/raw.ts'
import { start, opened } from '../support/error-page.ts'

describe('a client that leaves', () => {
  it.each<[what: string, headers: Record<string, string>, length: boolean]>([
    ['a full response', {}, true],
    ['a full response of unknown length', {}, false],
    ['a range', { Range: `bytes=5-${20 * size}` }, true],
  ])('closes the file that is piped into %s', async (_what, headers, hasLength) => {
    const large = path.join(folder, 'leaver.bin')
    fs.writeFileSync(large, '')
    fs.truncateSync(large, 20 * size)
    const port = await start(rangeServe(), (_request, response) => {
      if (hasLength) response.set('Content-Length', String(20 * size))
      fs.createReadStream(large).pipe(response)
    })
    for (let i = 0; i < 5; i++) await leave(port, headers)
    await until('the file is closed', () => openDescriptors(large) === 0)
  })

  it('does not close what a handler still uses', async () => {
    const copied = new PassThrough().resume()
    let ended = false
    copied.on('end', () => (ended = true))
    const port = await start(rangeServe(), (_request, response) => {
      response.set('Content-Length', String(size))
      const source = fs.createReadStream(filePath)
      source.pipe(response)
      response.on('close', () => source.pipe(copied))
    })
    await leave(port)
    await until('the rest is copied', () => ended)
    await until('the file is closed', () => openDescriptors(filePath) === 0)
  })

  it('is reported as aborted, with less than planned, however the response is sent', async () => {
    const large = Buffer.alloc(60_000_000)
    const ways: Record<string, (response: Response) => void> = {
      '/send': (response) => void response.send(large),
      '/write': (response) => {
        response.set('Content-Length', String(large.length)).write(large)
        response.end()
      },
      '/pipe': (response) => {
        response.set('Content-Length', String(large.length))
        Readable.from([large]).pipe(response)
      },
    }
    const told: Transfer[] = []
    const onTransfer = (transfer: Transfer) => void told.push({ ...transfer })
    const port = await start(rangeServe({ onTransfer }), (request, response) =>
      ways[request.path]!(response),
    )
    for (const target of Object.keys(ways)) {
      for (const headers of [[], ['Range: bytes=1-']]) {
        told.length = 0
        const socket = net.connect(port, '127.0.0.1').on('error', () => {})
        socket.write(`${[`GET ${target} HTTP/1.1`, 'Host: a', ...headers].join('\r\n')}\r\n\r\n`)
        await once(socket, 'data')
        socket.pause()
        socket.resetAndDestroy()
        await until('it is reported', () => told.length > 0)
        const [{ aborted, bytesSent, bytesPlanned }] = told as [Transfer]
        expect(aborted, target).toBe(true)
        expect(bytesSent, target).toBeLessThan(bytesPlanned)
        expect(told.length).toBe(1)
      }
    }
  })
})

it('ends an upstream response only when the client has all of its bytes', async () => {
  const upstream = await listen(
    http.createServer((_request, response) => {
      response.setHeader('Content-Length', size)
      response.end(bytes)
    }),
  )
  opened.push(upstream)
  const port = await start(rangeServe(), (_request, response) => {
    http.get({ host: '127.0.0.1', port: upstream.port }, (received) => {
      response.set('Content-Length', String(size))
      // A guard against upstreams that break.
      received.on('aborted', () => response.destroy())
      received.on('close', () => !received.complete && response.destroy())
      received.pipe(response)
    })
  })
  for (let i = 0; i < 5; i++) {
    const [first, second] = await exchange(port, [range('5-9'), { path: '/next' }])
    expect([...first!.content]).toEqual([5, 6, 7, 8, 9])
    expect(second!.content.toString()).toBe('next')
  }
})

it('reports no error to a pipeline whose client resets the connection after the last byte', async () => {
  const ended: unknown[] = []
  const port = await start(rangeServe(), (_request, response) => {
    response.set('Content-Length', String(size))
    pipeline(fs.createReadStream(filePath), new PassThrough(), response, (error) =>
      ended.push(error),
    )
  })
  for (let i = 0; i < 5; i++) {
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n')
    await once(socket, 'data')
    socket.resetAndDestroy()
  }
  await until('all end', () => ended.length === 5)
  expect(ended).toEqual([undefined, undefined, undefined, undefined, undefined])
  await until('the files are closed', () => openDescriptors(filePath) === 0)
})

it('emits the close of a response without waiting for a slow source', async () => {
  let closed = false
  const port = await start(rangeServe(), (_request, response) => {
    response.set('Content-Length', '1000').write(Buffer.alloc(100))
    response.on('close', () => (closed = true))
  })
  await ask(port, range('0-9'))
  await until('it is reported', () => closed)
})

it('reports transfers in the context of their requests', async () => {
  const storage = new AsyncLocalStorage<string>()
  const told: unknown[] = []
  const onTransfer = ({ url }: Transfer) => void told.push([url, storage.getStore()])
  const port = await start(
    (request, _response, next) => storage.run(request.url, next),
    rangeServe({ onTransfer }),
    (request, response) => {
      response.set('Content-Length', String(size))
      if (request.path.startsWith('/send')) response.send(bytes)
      else fs.createReadStream(filePath).pipe(response)
    },
  )
  const targets = ['/send', '/pipe', '/send/range', '/pipe/range']
  await exchange(port, targets.map((target) => ({ path: target, ...(target.endsWith('range') ? range('0-9') : {}) }))) // prettier-ignore
  await until('all are reported', () => told.length === 4)
  expect(new Map(told as [string, unknown][])).toEqual(new Map(targets.map((each) => [each, each])))
})

describe('errors before the head', () => {
  it('are instances of Error, whatever a source rejects with', async () => {
    const errors: unknown[] = []
    const reasons: unknown[] = [undefined, null, 'text', 0]
    let i = 0
    const app = express().use(rangeServe())
    app.use((_request, response) => {
      const reason = reasons[i++]
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- as a source may
      void response.sendRange({ length: 10, read: () => Promise.reject(reason as Error) })
    })
    const fail: ErrorRequestHandler = (error, _request, response, _next) => {
      errors.push(error)
      response.status(500).end()
    }
    const running = await listen(http.createServer(app.use(fail)))
    opened.push(running)
    for (const _ of reasons) expect((await ask(running.port, {})).status).toBe(500)
    expect(errors.every((error) => error instanceof Error)).toBe(true)
  })

  it('go to next if the head was sent before rangeStatic was called', async () => {
    const errors: unknown[] = []
    const app = express().set('env', 'production')
    app.use((_request, response, next) => {
      response.writeHead(200, { 'Content-Length': '5' }).write('hel')
      next()
    })
    app.use(rangeServe(), rangeStatic(folder))
    const fail: ErrorRequestHandler = (error, _request, response, _next) => {
      errors.push(error.code)
      response.end('lo')
    }
    const running = await listen(http.createServer(app.use(fail)))
    opened.push(running)
    const response = await ask(running.port, { path: '/file.bin' })
    expect(response.content.toString()).toBe('hello')
    expect(errors).toEqual(['ERR_HEADERS_SENT'])
    await until('the file is closed', () => openDescriptors(filePath) === 0, 10_000)
  })
})

describe('on a host without a connection', () => {
  /** Calls an application with a request and a response, as serverless adapters and test injectors do. */
  async function inject(
    options: RangeServeOptions,
    value: string,
  ): Promise<{ status: number; text: string }> {
    const app = express().use(
      rangeServe(options),
      (_request, response) => void response.send('hello'),
    )
    const request = new http.IncomingMessage(undefined as never)
    Object.assign(request, { method: 'GET', url: '/', headers: { range: value } })
    const response = new http.ServerResponse(request)
    const chunks: Buffer[] = []
    const sink = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk))
    response.assignSocket(sink as never)
    app(request as never, response as never)
    await once(response, 'finish')
    const [, text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    return { status: response.statusCode, text }
  }

  it('sends ranges, and reports their transfers', async () => {
    const told: Transfer[] = []
    expect(await inject({}, 'bytes=1-2')).toEqual({ status: 206, text: 'el' })
    const onTransfer = (transfer: Transfer) => void told.push(transfer)
    expect(await inject({ onTransfer }, 'bytes=1-2')).toEqual({ status: 206, text: 'el' })
    await until('it is reported', () => told.length === 1)
    expect(told).toMatchObject([{ aborted: false, bytesSent: 2 }])
  })
})
