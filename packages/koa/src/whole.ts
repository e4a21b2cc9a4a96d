// A whole body in memory, sent past Koa: the same bytes as Koa would send, for less. Koa does nothing with
// a response that has ended.

import type { ServerResponse } from 'node:http'
import type { ParameterizedContext as Context } from 'koa'
import { toOneWrite } from '@range-serve/core/adapter'
import { isPlainObject } from './body.ts'
import { isDirect } from './response.ts'

/** The fewest characters of text that cost less past Koa than by it. */
const enough = 256

/** A body that every Koa sends from memory; JSON is made of an object. */
type InMemory = string | Buffer | Readonly<Record<string, unknown>>

export function isInMemory(body: unknown): body is InMemory {
  return typeof body === 'string' || Buffer.isBuffer(body) || isPlainObject(body)
}

/** Ends the response of a context with its body, unless that is better left to Koa. */
export function endWhole(ctx: Context, body: InMemory): void {
  if (typeof body === 'string') {
    if (body.length < enough || !mayEnd(ctx)) return
    const length = Buffer.byteLength(body)
    if (ctx.res.getHeader('Content-Length') === String(length)) endText(ctx, body, length)
  } else if (Buffer.isBuffer(body)) {
    const text = toOneWrite(ctx.res, body)
    if (text !== undefined && mayEnd(ctx)) ctx.res.end(text, 'latin1')
  } else if (body['toJSON'] === undefined && mayEnd(ctx)) {
    const text = JSON.stringify(body)
    const length = Buffer.byteLength(text)
    ctx.response.length = length
    endText(ctx, text, length)
  }
}

/** Whether Koa would send the body of the response, and in no other way. */
function mayEnd(ctx: Context): boolean {
  const { request, response } = ctx
  return (
    !hasOwnMembers(response.ctx) &&
    response.status === 200 &&
    request.method === 'GET' &&
    isDirect(ctx) &&
    response.writable
  )
}

/** Members of a context that Koa passes on to the request and the response: asked here in its place. */
const passedBy = ['body', 'length', 'method', 'status', 'writable']

/** Whether a context or its application has such a member of its own, in place of Koa's. */
function hasOwnMembers(ctx: object): boolean {
  let object = ctx
  for (;;) {
    const parent: object | null = Object.getPrototypeOf(object)
    // Koa's are on the last one.
    if (parent === null || parent === Object.prototype) return false
    for (const name of passedBy) if (Object.hasOwn(object, name)) return true
    object = parent
  }
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
