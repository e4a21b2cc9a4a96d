import type { RequestHandler } from 'express'

/** Defers the end of a response, and passes no callback of a write on. */
export const patched: RequestHandler = (_request, response, next) => {
  const write = response.write.bind(response) as (chunk: Buffer) => boolean
  const end = response.end.bind(response) as (chunk?: unknown, callback?: () => void) => unknown
  response.write = ((chunk: Buffer) => write(chunk)) as typeof response.write
  response.end = ((...args: [unknown?, (() => void)?]) => {
    setImmediate(() => end(...args))
    return response
  }) as typeof response.end
  next()
}
