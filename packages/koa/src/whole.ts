// A whole body in memory, sent past Koa: the same bytes as Koa would send, for less. Koa does nothing with
// a response that has ended.

import type { ServerResponse } from 'node:http'
import type { ParameterizedContext as Context } from 'koa'
import { OwnMethod, toOneWrite } from '@range-serve/core/adapter'
import { isPlainObject } from './body.ts'
import { isDirect } from './response.ts'

/** The fewest characters of text that cost less past Koa than by it. */
const enough = 256

/** Whether every Koa sends a body from memory; it makes JSON of an object. */
export function isInMemory(body: unknown): boolean {
  return typeof body === 'string' || Buffer.isBuffer(body) || isPlainObject(body)
}

/** Whether a body is text that is too short for {@link endWhole}. */
export function isShort(body: unknown): boolean {
  return typeof body === 'string' && body.length < enough
}

/** Ends the response of a context with its body, unless that is better left to Koa. */
export function endWhole(ctx: Context): void {
  const { res } = ctx
  const body: unknown = ctx.body
  if (typeof body === 'string') {
    if (!mayEnd(ctx)) return
    const length = Buffer.byteLength(body)
    if (res.getHeader('Content-Length') === String(length)) endText(ctx, body, length)
  } else if (Buffer.isBuffer(body)) {
    const text = toOneWrite(res, body)
    if (text !== undefined && mayEnd(ctx)) res.end(text, 'latin1')
  } else if (isPlainObject(body) && !('toJSON' in body) && mayEnd(ctx) && passesLength(ctx)) {
    const text = JSON.stringify(body)
    const length = Buffer.byteLength(text)
    ctx.response.length = length
    endText(ctx, text, length)
  }
}

/** Whether Koa would send the body: the application may have members of its own in the way. */
function mayEnd(ctx: Context): boolean {
  return ctx.status === 200 && ctx.method === 'GET' && isDirect(ctx) && ctx.writable
}

type LookUp = (this: object, name: string) => Function | undefined

/** Finds the setter of a property, wherever it is, for less than a walk along the prototypes. */
const setterOf: LookUp = Reflect.get(Object.prototype, '__lookupSetter__')

/** The setter that Koa's contexts have for their length, as for every member that they pass on. */
const koasSetter = new OwnMethod('this[target][name] = val')

/**
 * Whether to set the length of a context is to set that of its response. Koa's setter does it for any
 * member of any object, which V8 cannot optimize: it would cost as much as all else here.
 */
function passesLength(ctx: Context): boolean {
  // An application may wrap the contexts that Koa makes.
  if (ctx !== ctx.response.ctx) return false
  const setter = setterOf.call(ctx, 'length')
  return koasSetter.isProven(setter) || (isOfLast(ctx, setter) && koasSetter.is(setter))
}

/** Whether a setter is on the last prototype, as Koa's is: an application's is on an object before it. */
function isOfLast(ctx: object, setter: unknown): boolean {
  let last = ctx
  for (;;) {
    const parent: object | null = Object.getPrototypeOf(last)
    if (parent === null || parent === Object.prototype) break
    last = parent
  }
  return Object.getOwnPropertyDescriptor(last, 'length')?.set === setter
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
