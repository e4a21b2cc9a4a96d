import { EventEmitter, once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import http2, { type Http2ServerResponse } from 'node:http2'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isGone, isInTurn, type NodeResponse, whenInTurn, whenOver } from './outgoing.ts'

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const each of cleanUp.splice(0).toReversed()) each()
})

async function listen(server: http.Server | http2.Http2Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return (server.address() as net.AddressInfo).port
}

function over(response: NodeResponse): Promise<boolean> {
  return new Promise((resolve) => {
    whenOver(response, resolve)
  })
}

/** A response as a serverless host or a test injector makes it. */
function hosted(properties: object = {}): ServerResponse & EventEmitter {
  return Object.assign(new EventEmitter(), { destroyed: false }, properties) as never
}

describe('whenOver, of a host that imitates node:http', () => {
  it('calls back on `finish` without a `close`', async () => {
    const response = hosted({ socket: null })
    const told = over(response)
    response.emit('finish')
    expect(await told).toBe(true)
  })

  it('calls back on `close` without a `finish`, and treats a complete response as sent', async () => {
    for (const writableEnded of [true, false]) {
      const response = hosted({ writableEnded })
      const told = over(response)
      response.emit('close')
      expect(await told).toBe(writableEnded)
    }
  })

  it('calls back once, and not after it was unsubscribed', () => {
    const response = hosted()
    const told: boolean[] = []
    whenOver(response, (sent) => told.push(sent))
    const unsubscribe = whenOver(response, () => told.push(false))
    unsubscribe()
    response.emit('finish')
    response.emit('close')
    expect(told).toEqual([true])
    expect(response.listenerCount('finish') + response.listenerCount('close')).toBe(0)
  })

  it('needs neither a request nor a socket', () => {
    expect(isInTurn(hosted())).toBe(true)
    expect(whenInTurn(hosted())).toBeUndefined()
    expect(isGone(hosted())).toBe(false)
    // A socket that was never connected belongs to no server.
    expect(isInTurn(hosted({ socket: null, req: { socket: new net.Socket() } }))).toBe(true)
  })
})

describe('whenOver, of node:http', () => {
  it('distinguishes sent from cancelled writes, although both finish', async () => {
    for (const leaves of [false, true]) {
      const told: Promise<boolean>[] = []
      const port = await listen(
        http.createServer((_request, response) => {
          told.push(over(response))
          response.end(Buffer.alloc(30_000_000))
          // Node reports the writes that this cancels as finished.
          if (leaves) setImmediate(() => response.socket?.destroy())
        }),
      )
      const request = http.get({ host: '127.0.0.1', port, agent: false })
      request.on('error', () => {})
      request.on('response', (response) => response.on('error', () => {}).resume())
      await once(request, 'close')
      expect(await told[0]).toBe(!leaves)
    }
  })

  it('calls back at the end of a connection on which a pipelined response waits', async () => {
    const told: Promise<boolean>[] = []
    const port = await listen(
      http.createServer((_request, response) => {
        if (told.push(over(response)) === 2) expect(isInTurn(response)).toBe(false)
      }),
    )
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2))
    while (told.length < 2) await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
    expect(await Promise.all(told)).toEqual([false, false])
  })
})

describe('whenInTurn', () => {
  it('does not wait for a connection that has closed', async () => {
    const responses: ServerResponse[] = []
    const port = await listen(
      http.createServer((_request, response) => void responses.push(response)),
    )
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2))
    while (responses.length < 2) await new Promise((resolve) => setImmediate(resolve))
    const turn = whenInTurn(responses[1]!)
    expect(turn).toBeInstanceOf(Promise)
    socket.destroy()
    await turn
    expect(whenInTurn(responses[1]!)).toBeUndefined()
    expect(isGone(responses[1]!)).toBe(true)
  })
})

describe('whenOver, of node:http2', () => {
  const cases: [name: string, code: number | undefined, sent: boolean][] = [
    ['calls back for a response that was sent', undefined, true],
    ['calls back for a reset', http2.constants.NGHTTP2_CANCEL, false],
    // Node reports nothing of it: the write that is under way never ends.
    ['calls back for a reset without an error', http2.constants.NGHTTP2_NO_ERROR, false],
  ]
  it.each(cases)('%s after the end', async (_name, code, sent) => {
    const server = http2.createServer()
    const port = await listen(server)
    const settings = code === undefined ? {} : { settings: { initialWindowSize: 0 } }
    const session = http2.connect(`http://127.0.0.1:${port}`, settings)
    cleanUp.push(() => session.destroy())
    await once(session, 'remoteSettings')
    const asked = once(server, 'request')
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    if (code === undefined) stream.resume()
    const [, response] = (await asked) as [unknown, Http2ServerResponse]
    const told = over(response)
    response.end(Buffer.alloc(1000))
    if (code !== undefined) {
      await once(stream, 'response')
      stream.close(code)
    }
    expect(await told).toBe(sent)
  })
})
