// An upstream whose content can be replaced, behind a proxy that fails as networks do.

import http from 'node:http'
import { afterAll, beforeEach } from 'vitest'
import { fromBuffer, serve } from '@range-serve/core'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { listen } from './listen.ts'

/** What an origin has under every path; nothing is a 404. */
export interface Stored {
  readonly bytes: Buffer
  readonly type?: string
  readonly etag?: string | false
  readonly lastModified?: Date | false
  readonly cacheControl?: string
}

export interface Origin {
  stored: Stored | undefined
  /** Without faults in between. */
  readonly port: number
  readonly proxy: FaultProxy
  readonly url: string
  close(): Promise<void>
}

export async function startOrigin(stored: Stored): Promise<Origin> {
  const state: { stored: Stored | undefined } = { stored }
  const server = http.createServer((request, response) => {
    if (!state.stored) {
      response.writeHead(404).end('nothing here')
      return
    }
    const { bytes, etag = false, lastModified = false, type = 'video/mp4' } = state.stored
    const { cacheControl = false } = state.stored
    serve(request, response, fromBuffer(bytes), { type, etag, lastModified, cacheControl }).catch(
      () => response.destroy(),
    )
  })
  const running = await listen(server)
  const proxy = await startFaultProxy(running.port)
  return Object.assign(state, {
    port: running.port,
    proxy,
    url: `http://127.0.0.1:${proxy.port}/clip.mp4`,
    close: async () => {
      await proxy.close()
      await running.close()
    },
  })
}

/** The origin of the tests of a file: before each, it has `stored` again, and no faults. */
export async function useOrigin(stored: Stored): Promise<Origin> {
  const origin = await startOrigin(stored)
  afterAll(() => origin.close())
  beforeEach(() => {
    origin.stored = stored
    origin.proxy.faults.length = 0
    origin.proxy.seen.length = 0
  })
  return origin
}

/** Reads a range of a source, up to its end or first error. */
export async function readAll(
  source: { read: import('@range-serve/core').Source['read'] },
  firstPos: number,
  lastPos: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ content: Buffer; error: unknown }> {
  const chunks: Buffer[] = []
  try {
    const reading = await source.read({ firstPos, lastPos }, { signal })
    for await (const chunk of reading as AsyncIterable<Uint8Array>) chunks.push(Buffer.from(chunk))
    return { content: Buffer.concat(chunks), error: undefined }
  } catch (error) {
    return { content: Buffer.concat(chunks), error }
  }
}
