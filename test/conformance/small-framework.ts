// A one-page framework to write an adapter for: handlers fill in a context, the framework sends it.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

export interface Context {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  status: number
  /** By lower-case name. */
  readonly fields: Map<string, string | string[]>
  body: Buffer | Readable | undefined
}

export type Handler = (context: Context) => unknown

export function createServer(...handlers: readonly Handler[]): http.Server {
  return http.createServer((request, response) => {
    const context: Context = { request, response, status: 200, fields: new Map(), body: undefined }
    void handle(context, handlers).then(() => send(context))
  })
}

async function handle(context: Context, handlers: readonly Handler[]): Promise<void> {
  try {
    for (const handler of handlers) await handler(context)
  } catch (error) {
    const { status } = error as { status?: number }
    Object.assign(context, { status: status ?? 500, body: undefined })
    context.fields.clear()
  }
}

function send({ request, response, status, fields, body }: Context): void {
  if (Buffer.isBuffer(body) && !fields.has('content-length')) {
    fields.set('content-length', String(body.length))
  }
  response.writeHead(status, Object.fromEntries(fields))
  if (!(body instanceof Readable)) {
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  // As other frameworks do: a failed body cuts the connection, a lost connection destroys the body.
  body.on('error', () => response.destroy())
  response.on('close', () => body.destroy())
  body.pipe(response)
}
