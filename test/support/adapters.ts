// Applications of Express and Koa, put together in words that both have.

import type http from 'node:http'
import type { Readable } from 'node:stream'
import type { Middleware } from 'koa'
import type { SendOptions, Servable, StaticOptions } from '@range-serve/core'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import type { App } from './apps.ts'
import { type ExpressUse, expressApps } from './express-apps.ts'
import { koaApps } from './koa-apps.ts'

/** A request and its response, as a handler has them. */
interface Exchange {
  readonly path: string
  set(fields: Record<string, string>): void
  /** Sends text, bytes or JSON. */
  send(body: string | Uint8Array | object): void
  stream(content: Readable, length?: number): void
  sendRange(source: Servable, options?: SendOptions): Promise<unknown>
  next(): unknown
}

type Handler = (exchange: Exchange) => unknown
type Root = string | URL | ((path: string, request: any) => any)
interface MountOptions extends Omit<StaticOptions, 'setHeaders'> {
  /** The path of the mount; the root by default. */
  readonly at?: string
  readonly setHeaders?: (response: http.ServerResponse, path: string, what: any) => void
}

/** A part of an application: {@link rangeServe}, {@link rangeStatic} or a handler. */
export type Part =
  | Handler
  | { readonly defaults: forExpress.RangeServeOptions }
  | { readonly root: string; readonly at: string | undefined; readonly options: StaticOptions }

export const rangeServe = (defaults: forExpress.RangeServeOptions = {}): Part => ({ defaults })
export const rangeStatic = (root: Root, { at, ...options }: MountOptions = {}): Part => ({
  root: root as string,
  at,
  options: options as StaticOptions,
})

/** Starts an application; a request that none of its parts responds to gets a 299, `next`. */
type StartApp = (...parts: Part[]) => Promise<App>

const toExpress = (part: Part): ExpressUse => {
  if (typeof part !== 'function') {
    if ('defaults' in part) return forExpress.rangeServe(part.defaults)
    return [part.at ?? '/', forExpress.rangeStatic(part.root, part.options)]
  }
  return (request, response, next) =>
    void part({
      path: request.path,
      set: (fields) => void response.set(fields),
      send: (body) => void response.send(body),
      stream: (content, length) => {
        if (length !== undefined) response.set('Content-Length', `${length}`)
        content.pipe(response)
      },
      sendRange: (source, options) => response.sendRange(source, options),
      next,
    })
}

const toKoa = (part: Part): Middleware => {
  if (typeof part !== 'function') {
    if ('defaults' in part) return forKoa.rangeServe(part.defaults)
    return forKoa.rangeStatic(part.root, { ...part.options, prefix: part.at })
  }
  return (ctx, next) =>
    part({
      path: ctx.path,
      set: (fields) => ctx.set(fields),
      send: (body) => void (ctx.body = body),
      stream: (content, length) => {
        ctx.body = content
        if (length !== undefined) ctx.length = length
      },
      sendRange: (source, options) => ctx.sendRange(source, options),
      next,
    })
}

/** Each adapter, in each major of its framework. */
export const adapters: readonly (readonly [name: string, start: StartApp])[] = [
  ...expressApps.map(([name, start]) => {
    const unhandled: ExpressUse = (_request, response) => void response.status(299).end('next')
    return [name, (...parts: Part[]) => start(...parts.map(toExpress), unhandled)] as const
  }),
  ...koaApps.map(([name, start]) => {
    const unhandled: Middleware = (ctx) => void Object.assign(ctx, { body: 'next', status: 299 })
    return [name, (...parts: Part[]) => start(...parts.map(toKoa), unhandled)] as const
  }),
]
