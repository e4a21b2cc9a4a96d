// Entity-tags beside middleware that encodes content, or that makes and compares tags.

import zlib from 'node:zlib'
import type { ParameterizedContext as Context, Response } from 'koa'
import { evaluatePassing, tagOfEncoding, variesByCoding } from '@range-serve/core/filter'

/** The responses whose `set` is guarded. */
const guards = new WeakSet<object>()

/**
 * Keeps an entity-tag from being taken for that of other bytes. koa-etag tags the bytes that it finds
 * in a body, and would tag a part as if it were the full representation. What koa-compress encodes is
 * another selected representation, and has a tag of its own (§8.8.3.3).
 */
export function guardTag(response: Response): void {
  const { res } = response
  const { statusCode: status } = res
  const isTagged = res.hasHeader('ETag')
  const isGuarded =
    status === 200 ? isTagged || variesByCoding(res.getHeader('Vary')) : status === 206 && !isTagged
  if (!isGuarded || guards.has(Reflect.get(response, 'set') as object)) return
  const set: Function = response.set.bind(response)
  let plain: string | undefined
  const guarded = (...args: unknown[]): void => {
    const [field] = args
    if (typeof field === 'object' && field !== null) {
      for (const [name, value] of Object.entries(field)) response.set(name, value)
      return
    }
    const name = String(field).toLowerCase()
    if (name === 'etag' && !isTagged && response.status === 206) return
    set(...args)
    if (name !== 'content-encoding' || response.status !== 200) return
    plain ??= response.get('ETag')
    const tag = tagOfEncoding(plain, response.get(name))
    if (tag !== undefined) set('ETag', tag)
  }
  response.set = guarded
  guards.add(guarded)
}

type Encoder = abstract new () => object

/** Classes of zlib that its types lack. */
interface Encoders {
  readonly BrotliCompress?: Encoder
  readonly Deflate?: Encoder
  readonly Gzip?: Encoder
  readonly ZstdCompress?: Encoder
}

const { BrotliCompress, Deflate, Gzip, ZstdCompress }: typeof zlib & Encoders = zlib
/** The streams that encode; Zstandard has come to Node later than the others. */
const encoders = [BrotliCompress, Deflate, Gzip, ZstdCompress].filter((each) => each !== undefined)

/** Replaces the tag of what inner middleware has encoded by the tag of that coding. */
export function tagEncoding({ res, response }: Context): void {
  const coding = res.getHeader('Content-Encoding')
  const tag = tagOfEncoding(res.getHeader('ETag'), coding)
  if (coding === undefined || tag === undefined) return
  const { body } = response as { readonly body?: unknown }
  const isEncoder = encoders.some((each) => body instanceof each)
  if (isEncoder && variesByCoding(res.getHeader('Vary'))) res.setHeader('ETag', tag)
}

/**
 * Makes `ctx.fresh`, by which koa-conditional-get responds with a 304, know the tags of encodings. Such
 * a 304 gets the tag that the client has.
 */
export function watchFresh(ctx: Context): void {
  const { req, request } = ctx
  const listed = req.headers['if-none-match']
  if (listed === undefined || !/-(?:br|deflate|gzip|zstd)"/.test(listed)) return
  if (Object.hasOwn(request, 'fresh')) return
  const prototype: object = Object.getPrototypeOf(request)
  Object.defineProperty(request, 'fresh', {
    configurable: true,
    get: () => Reflect.get(prototype, 'fresh', request) === true || isFreshEncoding(ctx),
  })
}

function isFreshEncoding({ req, res }: Context): boolean {
  const { statusCode: status } = res
  const isCacheable = (status >= 200 && status < 300) || status === 304
  if (!isCacheable || (req.method !== 'GET' && req.method !== 'HEAD')) return false
  const known = evaluatePassing(req, (name) => res.getHeader(name), {})
  const before = res.getHeader('ETag')
  if (known?.etag === undefined || known.etag === before) return false
  const { etag } = known
  const end: typeof res.end = Reflect.get(res, 'end')
  const isOwn = Object.hasOwn(res, 'end')
  const tagThenEnd = (...args: unknown[]): typeof res => {
    if (res.end === tagThenEnd) {
      if (isOwn) res.end = end
      else Reflect.deleteProperty(res, 'end')
    }
    const isNotModified = res.statusCode === 304 && !res.headersSent
    if (isNotModified && res.getHeader('ETag') === before) res.setHeader('ETag', etag)
    return Reflect.apply(end, res, args)
  }
  res.end = tagThenEnd
  return true
}
