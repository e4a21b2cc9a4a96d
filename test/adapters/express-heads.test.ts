// Heads in Express: written by patched methods, given to writeHead, and impossible to write.

import http from 'node:http'
import type { RequestHandler, Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { expressApps } from '../support/express-apps.ts'
import { bytes, filePath, range, size } from '../support/files.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask, exchange, field, type RawRequest } from '../support/raw.ts'

const etag = '"v1"'

describe.each(expressApps)('%s', (_name, start) => {
  let running: Running
  afterEach(() => running.close())

  it('filters what an outer middleware ends later, as one that saves a session', async () => {
    const saving: RequestHandler = (_request, response, next) => {
      const { end } = response
      response.end = (...args: unknown[]) => {
        setImmediate(() => Reflect.apply(end, response, args))
        return response
      }
      next()
    }
    running = await start(saving, rangeServe(), (_request, response) => void response.send(bytes))
    const [whole, part] = await exchange(running.port, [{}, range('5-9')])
    expect([field(whole!, 'Accept-Ranges'), whole!.content.length]).toEqual(['bytes', size])
    expect([...part!.content]).toEqual([5, 6, 7, 8, 9])
  })

  describe.each(['write', 'end'] as const)('before a %s patched outside', (method) => {
    /** Middleware that sets a field, or replaces the content, as late as possible. */
    function outside(patch: (response: http.ServerResponse, args: unknown[]) => void) {
      return (_request: unknown, response: http.ServerResponse, next: () => void) => {
        const original = response[method] as (...args: unknown[]) => unknown
        let isFirst = true
        Object.assign(response, {
          [method](this: http.ServerResponse, ...args: unknown[]) {
            if (isFirst) patch(this, args)
            isFirst = false
            return original.apply(this, args)
          },
        })
        next()
      }
    }

    it('lets it set fields', async () => {
      running = await start(
        outside((response) => void response.setHeader('X-Late', '1')),
        rangeServe(),
        (_request, response) => {
          response.set('Content-Length', String(size))
          if (method === 'write') response.write(bytes)
          response.end(method === 'write' ? undefined : bytes)
        },
      )
      const requests = [{}, range('5-70000'), range(`${size}-`)]
      const [whole, part, none] = await exchange(running.port, requests)
      expect(whole!.content.equals(bytes)).toBe(true)
      expect(part!.status).toBe(206)
      expect(part!.content.equals(bytes.subarray(5, 70_001))).toBe(true)
      expect(none!.status).toBe(416)
      for (const each of [whole!, ...(method === 'end' ? [part!, none!] : [])]) {
        expect(field(each, 'X-Late')).toBe('1')
      }
    })

    it('lets it set fields of what sendRange sends', async () => {
      running = await start(
        outside((response) => {
          // The end of what was written in pieces comes after the head, with any other response too.
          if (!response.headersSent) response.setHeader('X-Late', '1')
        }),
        rangeServe(),
        (_request, response) => response.sendRange(filePath),
      )
      const requests = [range('5-400000'), range('5-9'), range(`${size}-`)]
      const [large, small, none] = await exchange(running.port, requests)
      expect(large!.content.equals(bytes.subarray(5, 400_001))).toBe(true)
      expect(small!.content.equals(bytes.subarray(5, 10))).toBe(true)
      expect(none!.status).toBe(416)
      expect(field(method === 'write' ? large! : small!, 'X-Late')).toBe('1')
    })

    it('does not send a part whose content it has replaced', async () => {
      running = await start(
        outside((response, args) => {
          if (!(args[0] instanceof Uint8Array)) return
          args[0] = Buffer.concat([args[0], Buffer.from('!')])
          response.setHeader('Content-Length', (args[0] as Buffer).length)
        }),
        rangeServe(),
        (_request, response) => void response.end(bytes),
      )
      const response = await ask(running.port, range('5-9')).catch(() => undefined)
      if (method === 'end') expect(response?.status).not.toBe(206)
      else expect(response!.content.equals(bytes.subarray(5, 10))).toBe(true)
    })
  })

  it.each<[what: string, request: RawRequest, handler: RequestHandler]>([
    [
      'a part',
      range('0-3'),
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '5000' }).write(bytes.subarray(0, 5000))
        response.end()
      },
    ],
    [
      'a 304',
      { headers: [['If-None-Match', etag]] },
      (_request, response) => {
        response.set('ETag', etag).end(bytes.subarray(0, 5000))
      },
    ],
    [
      'a part of sendRange',
      range('0-3'),
      (_request, response) => void response.sendRange(bytes.subarray(0, 5000), { etag }),
    ],
  ])(
    'sends a full error page if the head of %s could not be written',
    async (_what, request, handler) => {
      const hook: RequestHandler = (_request, response, next) => {
        const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => Response
        let failed = false
        response.writeHead = ((...args: [number, http.OutgoingHttpHeaders?]) => {
          // As on-headers does.
          const [status, fields] = args
          response.statusCode = status
          if (typeof fields === 'object') response.set(fields)
          if (failed) return writeHead(...args)
          failed = true
          throw new Error('hooked')
        }) as typeof response.writeHead
        next()
      }
      running = await start(hook, rangeServe(), handler)
      const response = await ask(running.port, request)
      expect(response.status).toBe(500)
      expect(response.content.toString()).toBe('failed')
      for (const name of ['Content-Range', 'Cache-Control', 'Accept-Ranges']) {
        expect(field(response, name), name).toBeUndefined()
      }
      expect(field(response, 'Content-Length')).toBe('6')
    },
  )
})

describe('writeHead', () => {
  let running: Running
  afterEach(() => running.close())

  const lists: [what: string, list: unknown[]][] = [
    ['a flat list', ['Content-Type', 'text/plain', 'Content-Length', '5', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']],
    ['a list of pairs', [['Content-Type', 'text/plain'], ['Content-Length', '5'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']]],
  ] // prettier-ignore
  it.each(lists)('sends every line of %s', async (_what, list) => {
    // Without Express, which sets X-Powered-By: Node splits a list if a field is set.
    const filter = rangeServe() as unknown as (...args: unknown[]) => void
    running = await listen(
      http.createServer((request, response) =>
        filter(request, response, () => response.writeHead(200, list as string[]).end('hello')),
      ),
    )
    for (const [request, status, text] of [
      [{}, 200, 'hello'],
      [{ headers: [['If-Match', '*']] }, 200, 'hello'],
      [range('1-3'), 206, 'ell'],
    ] as [RawRequest, number, string][]) {
      const response = await ask(running.port, request)
      expect(response.status).toBe(status)
      expect(response.fields.get('set-cookie')).toEqual(['a=1', 'b=2'])
      expect(field(response, 'Accept-Ranges')).toBe('bytes')
      expect(response.content.toString()).toBe(text)
    }
  })
})
