import { once } from 'node:events'
import http, { OutgoingMessage, ServerResponse } from 'node:http'
import http2, { type Http2ServerResponse } from 'node:http2'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { declareTransparent, hasOwnHead, isUnpatched, provenSocket } from './memory.ts'
import { toOneWrite } from './one-write.ts'

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const each of cleanUp.splice(0).toReversed()) each()
})

/** The result of `judge` for a response of a real server whose client waits for it. */
async function judged<T>(
  judge: (response: ServerResponse) => T,
  connect: (server: http.Server) => void = listenAndAsk,
): Promise<T> {
  const server = http.createServer()
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const asked = once(server, 'request')
  connect(server)
  const [, response] = (await asked) as [unknown, ServerResponse]
  const verdict = judge(response)
  response.end()
  return verdict
}

function listenAndAsk(server: http.Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as net.AddressInfo
    http.get({ host: '127.0.0.1', port, agent: false }, (response) => response.resume())
  })
}

/** Replaces a method for one test by a method that passes everything on. */
function patch(target: object, name: string): void {
  const own = Object.getOwnPropertyDescriptor(target, name)
  const original = Reflect.get(target, name) as (...args: unknown[]) => unknown
  Object.defineProperty(target, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: unknown[]) {
      return original.apply(this, args)
    },
  })
  cleanUp.push(() => {
    if (own) Object.defineProperty(target, name, own)
    else Reflect.deleteProperty(target, name)
  })
}

const mayReuseMemory = (response: Parameters<typeof provenSocket>[0]) =>
  provenSocket(response) !== undefined

describe('provenSocket', () => {
  it('holds for a plain response on a connection of Node', async () => {
    expect(await judged(mayReuseMemory)).toBe(true)
  })

  const patches: [what: string, target: (response: ServerResponse) => object, name: string][] = [
    ['write of the response', (response) => response, 'write'],
    ['end of the response', (response) => response, 'end'],
    ['ServerResponse.prototype.write', () => ServerResponse.prototype, 'write'],
    ['ServerResponse.prototype.end', () => ServerResponse.prototype, 'end'],
    ['OutgoingMessage.prototype.write', () => OutgoingMessage.prototype, 'write'],
    ['OutgoingMessage.prototype.end', () => OutgoingMessage.prototype, 'end'],
    ['_send of the response', (response) => response, '_send'],
    ['OutgoingMessage.prototype._writeRaw', () => OutgoingMessage.prototype, '_writeRaw'],
    ['write of the socket', (response) => response.socket!, 'write'],
    ['_write of the socket', (response) => response.socket!, '_write'],
    ['_writev of the socket', (response) => response.socket!, '_writev'],
    ['net.Socket.prototype._writev', () => net.Socket.prototype, '_writev'],
    ['net.Socket.prototype.write', () => net.Socket.prototype, 'write'],
  ]
  it.each(patches)('does not hold once %s is patched', async (_what, target, name) => {
    const verdict = await judged((response) => {
      patch(target(response), name)
      return mayReuseMemory(response)
    })
    expect(verdict).toBe(false)
  })

  it('decides whether small content is sent as text', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const verdicts = await judged((response) => {
      const texts = [bytes, Buffer.alloc(4096), Buffer.alloc(4097), Buffer.alloc(0), 'text'].map(
        (content) => toOneWrite(response, content)?.length,
      )
      expect(Buffer.from(toOneWrite(response, bytes)!, 'latin1').equals(bytes)).toBe(true)
      patch(response.socket!, 'write')
      return [...texts, toOneWrite(response, bytes)?.length]
    })
    expect(verdicts).toEqual([256, 4096, undefined, undefined, undefined, undefined])
  })

  it('does not hold for a connection that is not a socket of Node', async () => {
    const verdict = await judged(mayReuseMemory, (server) => {
      const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
      server.emit('connection', connection)
      connection.push('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    })
    expect(verdict).toBe(false)
  })

  it('does not hold for a subclass of net.Socket', async () => {
    class Tunnel extends net.Socket {}
    const verdict = await judged((response) => {
      Object.setPrototypeOf(response.socket!, Tunnel.prototype)
      return mayReuseMemory(response)
    })
    expect(verdict).toBe(false)
  })

  it('does not hold over HTTP/2, where a session keeps what is written', async () => {
    const server = http2.createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const session = http2.connect(`http://127.0.0.1:${port}`)
    cleanUp.push(() => {
      session.destroy()
      server.close()
    })
    const asked = once(server, 'request')
    session.request({ ':path': '/' }).resume()
    const [, response] = (await asked) as [unknown, Http2ServerResponse]
    expect(mayReuseMemory(response)).toBe(false)
    expect(isUnpatched(response)).toBe(true)
    patch(response, 'write')
    expect(isUnpatched(response)).toBe(false)
  })
})

describe('declareTransparent', () => {
  it('sees through a declared hook, anew at each call', async () => {
    const verdicts = await judged((response) => {
      let below: unknown = Reflect.get(response, 'write')
      const hook = function (this: ServerResponse, ...args: unknown[]) {
        return (below as (...all: unknown[]) => unknown).apply(this, args)
      }
      declareTransparent(hook, () => below)
      response.write = hook as typeof response.write
      const before = mayReuseMemory(response)
      below = () => true
      return [before, mayReuseMemory(response)]
    })
    expect(verdicts).toEqual([true, false])
  })
})

describe('hasOwnHead', () => {
  it('holds until writeHead is patched, on the response or below it', async () => {
    expect(await judged(hasOwnHead)).toBe(true)
    for (const target of [undefined, ServerResponse.prototype]) {
      const verdict = await judged((response) => {
        patch(target ?? response, 'writeHead')
        return hasOwnHead(response)
      })
      expect(verdict).toBe(false)
    }
  })
})
