// A whole body in memory, sent past Koa: the same bytes as Koa would send, for less. Koa does nothing with
// a response that has ended.

import type { ServerResponse } from 'node:http'
import type { ParameterizedContext as Context } from 'koa'
import { toOneWrite } from '@range-serve/core/adapter'
import { isPlainObject } from './body.ts'
import { isDirect } from './response.ts'

/** The fewest characters of text that cost less past Koa than by it. */
const enough = 256

/** Ends the response of a context with its body, unless that is better left to Koa. */
export function endWhole(ctx: Context): void {
  const { body } = ctx
  if (Buffer.isBuffer(body)) {
    const text = toOneWrite(ctx.res, body)
    if (text !== undefined && mayEnd(ctx)) ctx.res.end(text, 'latin1')
  } else if (typeof body === 'string') {
    if (body.length < enough || !mayEnd(ctx)) return
    const length = Buffer.byteLength(body)
    if (ctx.res.getHeader('Content-Length') === String(length)) endText(ctx, body, length)
  } else if (isPlainObject(body) && !Reflect.has(Object(body), 'toJSON') && mayEnd(ctx)) {
    const text = JSON.stringify(body)
    const length = Buffer.byteLength(text)
    ctx.length = length
    endText(ctx, text, length)
  }
}

/** Whether Koa would send the body: the application may have members of its own in the way. */
function mayEnd(ctx: Context): boolean {
  return ctx.status === 200 && ctx.method === 'GET' && isDirect(ctx) && ctx.writable
}

/**
 * Node writes text together with the head, and ASCII faster if it is told that each character is a
 * byte. The head must be ASCII then, too: it is encoded as the text is.
 *
 * @param length in bytes
 */
function endText(ctx: Context, text: string, length: number): void {
  const { res } = ctx
  res.writeHead(res.statusCode)
  const isAscii = length === text.length && isAsciiHead(res)
  res.end(text, isAscii ? 'latin1' : 'utf8')
}

function isAsciiHead({ _header: head }: ServerResponse & { _header?: string | null }): boolean {
  return typeof head === 'string' && Buffer.byteLength(head) === head.length
}
