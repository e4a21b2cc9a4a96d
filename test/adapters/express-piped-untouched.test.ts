// File streams that are piped into an Express response, and pass as without the filter.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { PassThrough, pipeline } from 'node:stream'
import zlib from 'node:zlib'
import type { RequestHandler } from 'express'
import { expect, it, vi } from 'vitest'
import { bytes, filePath, folder, range, size } from '../support/files.ts'
import { openDescriptors, until } from '../support/fixture.ts'
import { ask, type RawResponse } from '../support/raw.ts'
import { start, open } from '../support/piped-files.ts'

/** Streams that are more than a file, and responses of which the filter must not make a range. */
const others: readonly (readonly [what: string, RequestHandler])[] = [
  ['two files, one after the other', (_request, response) => {
    const first = open({ end: 999 })
    first.on('end', () => open({ start: 5000 }).pipe(response))
    first.pipe(response, { end: false })
  }],
  ['a file and a footer', (_request, response) => {
    const stream = open()
    stream.on('end', () => response.write('footer'))
    stream.pipe(response)
  }],
  ['a file and a last line', (_request, response) => {
    open().on('end', () => response.end('last line')).pipe(response, { end: false })
  }],
  ['a header and a file', (_request, response) => {
    response.write('header')
    open().pipe(response)
  }],
  ['a file that is written after', (_request, response) => {
    open().pipe(response)
    response.write('header')
  }],
  ['a file that is read elsewhere', (_request, response) => {
    open().on('data', () => {}).pipe(response)
  }],
  ['a file that is read elsewhere later', (_request, response) => {
    const stream = open()
    stream.pipe(response)
    stream.pipe(new PassThrough()).resume()
  }],
  ['text', (_request, response) => void fs.createReadStream(filePath, 'latin1').pipe(response)],
  ['an encoding', (_request, response) => {
    response.set('Content-Encoding', 'x-rot13')
    open().pipe(response)
  }],
  ['another status', (_request, response) => {
    response.status(404)
    open().pipe(response)
  }],
  ['another status set after', (_request, response) => {
    open().pipe(response)
    response.status(404)
  }],
  ['a length that was removed', (_request, response) => {
    response.set('Content-Length', '5').removeHeader('Content-Length')
    open().pipe(response)
  }],
  ['a file that is for a proxy to send', (_request, response) => {
    response.set('X-Accel-Redirect', '/other')
    open().pipe(response)
  }],
  ['a chunk that was put back', async (_request, response) => {
    const stream = open()
    await once(stream, 'open')
    stream.unshift(Buffer.from('before'))
    stream.pipe(response)
  }],
  ['a patched stream', (_request, response) => {
    const stream = open()
    const push = stream.push.bind(stream)
    stream.push = (chunk: Buffer | null) => push(chunk && chunk.fill(7))
    stream.pipe(response)
  }],
  ['a transform that takes its place', (_request, response) => {
    const stream = open()
    stream.pipe(response)
    stream.unpipe(response)
    stream.pipe(zlib.createGzip()).pipe(response)
  }],
  ['a file of /proc', (_request, response) => {
    fs.createReadStream('/proc/version').pipe(response)
  }],
  ['a file that is not there', (_request, response) => {
    fs.createReadStream(path.join(folder, 'none'))
      .on('error', ({ code }: NodeJS.ErrnoException) => response.status(404).send(code))
      .pipe(response)
  }],
  ['a folder', (_request, response) => {
    fs.createReadStream(folder)
      .on('error', ({ code }: NodeJS.ErrnoException) => response.status(500).send(code))
      .pipe(response)
  }],
  ['a pipeline of a file that is not there', (_request, response, next) => {
    pipeline(fs.createReadStream(path.join(folder, 'none')), new PassThrough(), response, next)
  }],
] // prettier-ignore

it.each(others)('does not change %s', async (_what, handler) => {
  const ports = [await start(handler, { options: false }), await start(handler)]
  const [plain, filtered] = await Promise.all(
    ports.map((port) => ask(port, range('5-9')).catch((error: Error) => error.message)),
  )
  const dateless = (response: typeof plain) =>
    typeof response === 'string'
      ? response
      : {
          ...response,
          content: response!.content.length,
          fields: [...response!.fields].filter(([name]) => name !== 'date'),
          isSame: response!.content.equals((plain as RawResponse).content),
        }
  expect(dateless(filtered)).toEqual(dateless(plain))
  await until('the file is closed', () => openDescriptors(filePath) <= 0)
})

it('lets the handler respond to an error of the first read', async () => {
  const port = await start((_request, response) => {
    const read = vi.spyOn(fs, 'read')
    read.mockImplementation(((...args: unknown[]) => {
      read.mockRestore()
      process.nextTick(args.at(-1) as () => void, new Error('EIO'))
    }) as never)
    const stream = open()
    stream.on('error', ({ message }) => response.status(500).send(message))
    stream.pipe(response)
  })
  const response = await ask(port, range('5-9'))
  expect(response.status).toBe(500)
  expect(String(response.content)).toBe('EIO')
  expect(response.fields.has('content-range')).toBe(false)
  expect(response.fields.has('last-modified')).toBe(false)
})

it('reports an error of a later read to the handler', async () => {
  const told: string[] = []
  const port = await start((_request, response) => {
    let reads = 0
    const { read } = fs
    vi.spyOn(fs, 'read').mockImplementation(((...args: unknown[]) => {
      if (++reads < 3) return Reflect.apply(read, fs, args)
      process.nextTick(args.at(-1) as () => void, new Error('EIO'))
    }) as never)
    pipeline(open(), response, (error) => told.push(String(error?.message)))
  })
  await expect(ask(port, range('0-3000000'))).rejects.toThrow()
  await until('the pipeline is over', () => told.length > 0)
  expect(told).toEqual(['EIO'])
})

it('closes the file whenever the client disconnects', async () => {
  const port = await start((request, response) => {
    if (request.path === '/pipe') open().pipe(response)
    else pipeline(open(), response, () => {})
  })
  for (const url of ['/pipe', '/pipeline']) {
    for (let i = 0; i < 12; i++) {
      const socket = net.connect(port, '127.0.0.1').on('error', () => {})
      const line = i % 2 === 0 ? '' : 'Range: bytes=1-\r\n'
      socket.write(`GET ${url} HTTP/1.1\r\nHost: a\r\n${line}\r\n`)
      if (i < 4) await new Promise<void>((resolve) => setTimeout(resolve, i))
      else if (i < 8) await new Promise<void>((resolve) => socket.once('data', () => resolve()))
      socket.destroy()
    }
  }
  await until('the file is closed', () => openDescriptors(filePath) <= 0)
})

it('leaves the rest of the file to a handler that uses it', async () => {
  const rests: Promise<Buffer>[] = []
  const port = await start((_request, response) => {
    const stream = open()
    stream.pipe(response)
    response.on('close', () => {
      rests.push(
        stream
          .pipe(new PassThrough())
          .toArray()
          .then((chunks) => Buffer.concat(chunks)),
      )
    })
  })
  const socket = net.connect(port, '127.0.0.1').on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise<void>((resolve) => socket.once('data', () => resolve()))
  socket.destroy()
  await until('the response is over', () => rests.length > 0)
  const rest = await rests[0]!
  expect(rest.length).toBeLessThan(size)
  expect(rest.equals(bytes.subarray(size - rest.length))).toBe(true)
  await until('the file is closed', () => openDescriptors(filePath) <= 0)
})
