// Signals that abort before, or while, a response is sent.

import http from 'node:http'
import net from 'node:net'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromReader, respond, serve } from '@range-serve/core'
import { bytes, filePath, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { download } from '../support/clients.ts'
import { frameworks } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'

let running: Running | undefined
afterEach(() => running?.close())

/** A source that is read slowly enough for a signal to abort meanwhile. */
const slowSource = () =>
  fromReader({
    length: size,
    maxRead: 100_000,
    read: async ({ firstPos, lastPos }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return bytes.subarray(firstPos, lastPos + 1)
    },
  })

describe.each(frameworks)('%s', (_name, start) => {
  it('ends a response when its signal aborts', async () => {
    const aborter = new AbortController()
    running = await start(slowSource, { signal: aborter.signal })
    const { complete, content } = await download(running.port, {}, () => aborter.abort())
    expect(complete).toBe(false)
    expect(content.equals(bytes.subarray(0, content.length))).toBe(true)
  })
})

describe('a signal that has aborted', () => {
  it('makes respond reject, for files too', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const request = { method: 'GET', headers: {} }
    await expect(respond(request, filePath, { signal })).rejects.toThrow('enough')
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })

  it('ends the body of respond before it is read, but not the process', async () => {
    const aborter = new AbortController()
    const request = { method: 'GET', headers: {} }
    const { body } = await respond(request, filePath, { signal: aborter.signal })
    aborter.abort(new Error('enough'))
    await new Promise(setImmediate)
    await expect((body as Readable).toArray()).rejects.toThrow('enough')
    await until('the file is closed', () => openDescriptors(filePath) === 0, 2000)
  })
})

describe('a signal that aborts', () => {
  let unhandled: unknown[]
  const note = (error: unknown) => unhandled.push(error)
  beforeEach(() => {
    unhandled = []
    process.on('unhandledRejection', note)
  })
  afterEach(() => void process.off('unhandledRejection', note))

  it('leaves no unhandled rejection of a response that waits for its turn', async () => {
    const aborter = new AbortController()
    let error: Error | undefined
    running = await listen(
      http.createServer((request, response) => {
        if (request.url === '/first') {
          setImmediate(() => {
            aborter.abort(new Error('enough'))
            setTimeout(() => response.end('1'), 20)
          })
          return
        }
        const { signal } = aborter
        serve(request, response, bytes, { signal }).catch((reason: Error) => (error = reason))
      }),
    )
    const socket = net.connect(running.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('it is reported', () => error !== undefined)
    socket.destroy()
    expect(error?.message).toBe('enough')
    expect(unhandled).toEqual([])
  })

  it('leaves no unhandled rejection of a response that other code has begun', async () => {
    const aborter = new AbortController()
    let code: string | undefined
    running = await listen(
      http.createServer((request, response) => {
        const { signal } = aborter
        serve(request, response, bytes, { signal }).catch((error: NodeJS.ErrnoException) => {
          code = error.code
          setImmediate(() => response.end('tial'))
        })
        response.write('par')
        aborter.abort(new Error('enough'))
      }),
    )
    expect((await ask(running.port, {})).content.toString()).toBe('partial')
    expect(code).toBe('ERR_HEADERS_SENT')
    expect(unhandled).toEqual([])
  })
})
