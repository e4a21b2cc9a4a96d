// A small Buffer, sent past Koa in one write with the head: the same bytes as Koa would send, for less. Koa
// does nothing with a response that has ended.

import type { ParameterizedContext as Context } from 'koa'
import { toOneWrite } from '@range-serve/core/adapter'
import { isDirect } from './response.ts'

/** Ends the response of a context with its body if that is a small Buffer, and Koa would send it. */
export function endSmall(ctx: Context): void {
  if (!isDirect(ctx)) return
  // The application may have members of its own in the way.
  const text = toOneWrite(ctx.res, ctx.body)
  if (text === undefined || ctx.status !== 200 || ctx.method !== 'GET' || !ctx.writable) return
  ctx.res.end(text, 'latin1')
}
