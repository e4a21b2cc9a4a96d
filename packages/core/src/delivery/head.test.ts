import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { planResponse } from '../semantics/plan.ts'
import { writeHead } from './head.ts'

let server: http.Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** Runs a handler on a real response, and resolves to what the client received. */
async function responseOf(
  handle: (response: ServerResponse) => void,
): Promise<http.IncomingMessage> {
  server = http.createServer((_request, response) => handle(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const request = http.get({ host: '127.0.0.1', port, agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return response.resume()
}

const plan = planResponse(
  { method: 'GET', headers: { range: 'bytes=0-4' } },
  { length: 10, type: 'video/mp4', etag: '"v1"' },
)
const refusing: [name: string, prepare: (response: ServerResponse) => void][] = [
  [
    'a hook of writeHead that throws',
    (response) => {
      response.writeHead = () => {
        throw new Error('refused')
      }
    },
  ],
  [
    'a status message that Node refuses',
    (response) => {
      response.statusMessage = 'not\nallowed'
    },
  ],
  [
    'a hook that throws once the head has been set',
    (response) => {
      const { writeHead: original } = response
      response.write = (() => true) as typeof response.write
      response.writeHead = (...args: unknown[]) => {
        response.setHeader('Content-Range', 'bytes 0-4/10')
        void original
        throw new Error(`refused ${args.length}`)
      }
    },
  ],
]

describe('writeHead', () => {
  it('sends the fields of the plan over those that were set', async () => {
    const { statusCode, headers } = await responseOf((response) => {
      response.setHeader('ETag', '"other"').setHeader('Vary', 'Origin').setHeader('X-Own', 'kept')
      response.setHeader('Content-MD5', 'of the whole')
      writeHead(response, plan)
      response.end('01234')
    })
    expect(statusCode).toBe(206)
    expect(headers).toMatchObject({
      'content-range': 'bytes 0-4/10',
      'content-length': '5',
      etag: '"v1"',
      vary: 'Origin',
      'x-own': 'kept',
    })
    expect(headers).not.toHaveProperty('content-md5')
  })

  it('lets a patched `end` set fields, as with any other response', async () => {
    const { statusCode, headers } = await responseOf((response) => {
      const { end } = response
      response.end = ((content: string) => {
        response.setHeader('X-Late', 'set')
        return end.call(response, content, 'latin1')
      }) as typeof end
      writeHead(response, plan)
      response.end('01234')
    })
    expect(statusCode).toBe(206)
    expect(headers).toMatchObject({ 'content-range': 'bytes 0-4/10', 'x-late': 'set' })
  })

  it.each(refusing)('leaves the response as it was behind %s', async (_name, prepare) => {
    const before = { etag: '"page"', vary: ['Origin', 'Accept'], 'content-md5': 'kept' }
    const { statusCode, headers } = await responseOf((response) => {
      response.statusCode = 200
      for (const [name, value] of Object.entries(before)) response.setHeader(name, value)
      prepare(response)
      const message = response.statusMessage
      let retract = () => {}
      const send = () => {
        retract = writeHead(response, plan)
        // Behind a patched `write` or `end` Node writes the head, with the first of the content.
        response.end('01234')
      }
      expect(send).toThrow()
      retract()
      expect(response.headersSent).toBe(false)
      expect(response.statusCode).toBe(200)
      expect(response.statusMessage).toBe(message)
      const { 'content-range': _, ...after } = response.getHeaders()
      expect(after).toEqual(before)
      Reflect.deleteProperty(response, 'writeHead')
      Reflect.deleteProperty(response, 'write')
      response.removeHeader('Content-Range')
      response.statusMessage = 'Internal Server Error'
      response.statusCode = 500
      response.end('a longer page than the slice')
    })
    expect(statusCode).toBe(500)
    expect(headers['content-length']).toBe('28')
  })
})
