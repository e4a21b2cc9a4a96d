// How a server of the conformance table is described, and started.

import http from 'node:http'
import http2 from 'node:http2'
import type { NodeResponse } from '@range-serve/core'
import { listen, type Running } from '../support/listen.ts'

export type NodeRequest = http.IncomingMessage | http2.Http2ServerRequest

export interface TestServer {
  readonly name: string
  /** Whether several ranges are sent in ascending order, since the bytes pass once. */
  readonly ascending: boolean
  /** Whether it speaks HTTP/2 rather than HTTP/1. */
  readonly http2?: boolean
  /** The requirements that this combination does not meet, by id, and why. */
  readonly otherwise: Readonly<Record<string, string>>
  /** Why several requests must not be sent at once on one connection. */
  readonly sequential?: string
  start(): Promise<{ port: number; close(): Promise<void> }>
}

/** The requirements on methods that the filter leaves alone, each not met for one reason. */
export const toOthers = (reason: string): Record<string, string> => ({
  'range-post': reason,
  'range-options': reason,
})
export const folderOtherwise = toOthers(
  'rangeStatic leaves methods other than GET and HEAD to the next handler',
)

/** Starts a server of HTTP/1, or of HTTP/2. */
export const listenTo = (
  { http2: isHttp2 }: Partial<TestServer>,
  listener: (request: NodeRequest, response: NodeResponse) => void,
): Promise<Running> => listen(isHttp2 ? http2.createServer(listener) : http.createServer(listener))
