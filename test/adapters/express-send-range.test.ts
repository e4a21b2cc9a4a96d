// res.sendRange: what it reports, and delivery through a patched response.

import path from 'node:path'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import type { SendOptions, Transfer } from '@range-serve/core'
import { codeOf } from '@range-serve/core/sources'
import { rangeServe } from '@range-serve/express'
import { bytes, filePath, folder, range } from '../support/files.ts'
import { until } from '../support/fixture.ts'
import { expresses, running } from '../support/express.ts'
import { ask, exchange } from '../support/raw.ts'

describe.each(expresses)('%s', (_name, { start, withFilter }) => {
  describe('behind a patched response', () => {
    /** Keeps all chunks, passes no callback on, and ends the response in a later turn. */
    const keeping =
      (kept: Buffer[]): RequestHandler =>
      (_request, response, next) => {
        const write = response.write.bind(response) as (chunk: Buffer) => boolean
        const end = response.end.bind(response) as (chunk?: Buffer) => unknown
        response.write = (chunk: Buffer) => {
          kept.push(chunk)
          return write(chunk)
        }
        response.end = ((chunk?: Buffer) => {
          if (chunk) kept.push(chunk)
          setImmediate(() => end(chunk))
          return response
        }) as typeof response.end
        next()
      }

    it.each([
      ['small', '0-999'],
      ['large', '0-'],
    ])(
      'delivers %s responses, and does not overwrite chunks that were kept',
      async (_what, asked) => {
        for (const order of ['before', 'after']) {
          const kept: Buffer[] = []
          const port = await start((app) => {
            if (order === 'before') app.use(keeping(kept))
            app.use(rangeServe())
            if (order === 'after') app.use(keeping(kept))
            app.use((_request, response) => void response.sendRange(filePath))
          })
          const response = await ask(port, range(asked))
          expect(response.status).toBe(206)
          expect(response.content.equals(bytes.subarray(0, response.content.length))).toBe(true)
          const first = [...kept]
          // Later responses reuse memory, but not that of the first.
          for (let i = 0; i < 5; i++) await ask(port, range('100000-100999'))
          expect(Buffer.concat(first).equals(response.content), order).toBe(true)
          await running.close()
        }
      },
    )
  })

  it('is not for responses outside, whose calls would lack the options of rangeServe', async () => {
    const codes: unknown[] = []
    const told: unknown[] = []
    const report: ErrorRequestHandler = (error, _request, response, _next) => {
      codes.push(error.code ?? error.name)
      response.status(500).end()
    }
    const send: RequestHandler = async (_request, response) => {
      const { error } = await response.sendRange('file.bin')
      told.push(error && codeOf(error))
    }
    const port = await start((app) => {
      app.get('/outside', send)
      app.use(rangeServe({ root: folder }), send, report)
    })
    const statuses: number[] = []
    for (const target of ['/', '/outside']) {
      statuses.push((await ask(port, { path: target })).status)
    }
    expect(statuses).toEqual([200, 500])
    expect(codes).toEqual(['ERR_NOT_MOUNTED'])
    await until('both calls have resolved', () => told.length === 2)
    expect(told).toEqual([undefined, 'ERR_NOT_MOUNTED'])
  })

  it('delivers behind middleware that defers the head to the first write', async () => {
    const deferring: RequestHandler = (_request, response, next) => {
      const methods = { writeHead: response.writeHead, write: response.write, end: response.end }
      let pending: unknown[] | undefined
      const begin = () => {
        if (pending) methods.writeHead.apply(response, pending as [number])
        pending = undefined
      }
      response.writeHead = ((...args: unknown[]) => {
        pending = args
        return response
      }) as typeof response.writeHead
      response.write = ((...args: [string, BufferEncoding]) => {
        begin()
        return methods.write.apply(response, args)
      }) as typeof response.write
      response.end = ((...args: [string, BufferEncoding]) => {
        begin()
        return methods.end.apply(response, args)
      }) as typeof response.end
      next()
    }
    for (const order of ['before', 'after']) {
      const port = await start((app) => {
        if (order === 'before') app.use(deferring)
        app.use(rangeServe())
        if (order === 'after') app.use(deferring)
        app.use((_request, response) => void response.sendRange(filePath))
      })
      const [whole, small, large] = await exchange(port, [{}, range('5-9'), range('1-999999')])
      expect(whole!.content.equals(bytes), order).toBe(true)
      expect([...small!.content]).toEqual([5, 6, 7, 8, 9])
      expect(large!.content.equals(bytes.subarray(1, 1_000_000)), order).toBe(true)
      await running.close()
    }
  })

  describe('sendRange', () => {
    it('reports what can never be served in the transfer and to `next`, and throws nothing', async () => {
      const calls: [source: unknown, options: SendOptions | undefined, expected: object][] = [
        [42, undefined, { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }],
        [undefined, undefined, { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' }],
        ['relative/path', undefined, { name: 'TypeError', code: 'ERR_RELATIVE_PATH' }],
        [filePath, { etag: 'no quotes' }, { name: 'TypeError', code: 'ERR_INVALID_ETAG' }],
        [filePath, { maxRanges: -1 }, { name: 'RangeError', code: 'ERR_INVALID_ARGUMENT' }],
      ]
      for (const [source, options, expected] of calls) {
        const told: unknown[] = []
        // Express 4 does not await an asynchronous handler: its rejection ends the process.
        const port = await withFilter(
          async (_request, response) => {
            await Promise.resolve()
            told.push((await response.sendRange(source as string, options)).error)
          },
          ((error, _request, response, _next) => {
            told.push(error)
            response.status(500).end()
          }) as ErrorRequestHandler as unknown as RequestHandler,
        )
        expect((await ask(port, {})).status).toBe(500)
        expect(told).toMatchObject([expected, expected])
      }
    })

    it('passes on an error before anything is sent, even one while the head is written', async () => {
      let failures = 0
      const failing: RequestHandler = (_request, response, next) => {
        const { writeHead } = response
        response.writeHead = ((...args: [number]) => {
          if (failures++ === 0) throw new Error('hooked')
          return writeHead.apply(response, args)
        }) as typeof writeHead
        next()
      }
      const port = await start((app) =>
        app.use(rangeServe(), failing, (_request, response) => void response.sendRange(filePath)),
      )
      for (const value of ['0-99', '0-']) {
        failures = 0
        const response = await ask(port, range(value))
        expect(response.status).toBe(500)
        expect(response.content.toString()).toBe('failed')
      }
    })

    it('leaves the response to a handler that responds after a call has failed', async () => {
      const attempt = (response: Parameters<RequestHandler>[1], source: string) => {
        void response.sendRange(source)
      }
      const port = await withFilter((request, response) => {
        if (request.path === '/begun') {
          response.set('Content-Length', '100')
          response.write(bytes.subarray(0, 50))
          attempt(response, filePath)
          response.end(bytes.subarray(50, 100))
        } else {
          attempt(response, 'relative')
          response.send(bytes.subarray(0, 100))
        }
      })
      for (const path of ['/begun', '/instead']) {
        const [first, second] = await exchange(port, [
          { path, ...range('45-54') },
          { path, ...range('0-0') },
        ])
        expect(first!.status, path).toBe(206)
        expect([...first!.content]).toEqual([...bytes.subarray(45, 55)])
        expect([...second!.content]).toEqual([0])
      }
    })

    it('resolves with the transfer', async () => {
      let transfer: Transfer | undefined
      const port = await withFilter(async (_request, response) => {
        transfer = await response.sendRange(filePath)
      })
      await ask(port, range('0-99'))
      await until('it resolves', () => transfer !== undefined)
      expect(transfer).toMatchObject({ status: 206, bytesSent: 100, aborted: false })
      expect(transfer!.durationMs).toBeGreaterThanOrEqual(transfer!.firstByteMs!)
    })

    it('says that a response which has ended was answered already', async () => {
      let transfer: Transfer | undefined
      const port = await withFilter(async (_request, response) => {
        response.end('text')
        transfer = await response.sendRange(filePath)
      })
      expect((await ask(port, {})).content.toString()).toBe('text')
      await until('it resolves', () => transfer !== undefined)
      expect(transfer!.error && codeOf(transfer!.error)).toBe('ERR_HEADERS_SENT')
    })

    it('resolves with the error that went to next', async () => {
      let transfer: Transfer | undefined
      const port = await withFilter(async (_request, response) => {
        transfer = await response.sendRange(path.join(folder, 'missing'))
      })
      expect((await ask(port, {})).status).toBe(404)
      await until('it resolves', () => transfer !== undefined)
      expect(transfer).toMatchObject({ status: 404, aborted: true, error: { code: 'ENOENT' } })
    })
  })
})
