// The entity-tag that Express makes of what `res.send` is given: a hash of those very bytes, yet weak,
// by its setting `etag`. Where the filter watches a response, the same tag is strong. It is made so at
// once: to set it a second time would cost a response more than all else here.

import crypto from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Application } from 'express'
import type { FieldLookup } from '@range-serve/core/adapter'
import { isContent, parseContent, toBytes } from './arguments.ts'

/** A response that `res.send` may give a strong tag. */
export interface Tagged {
  /** The tag, once it has been made. */
  tag: string | undefined
  /** What the tag is the hash of, unless other content has been given to `write` or `end`. */
  hashed: Buffer | undefined
}

type Settings = Partial<Pick<Application, 'get' | 'set'>>

/** The function of Express's setting "etag fn". */
type MakeTag = (content: unknown, encoding?: unknown) => unknown

/** The response that `res.send` is sending, until its content has been tagged. */
let sending: Tagged | undefined

/**
 * Calls `send` of a response whose tag is to be strong, if Express makes it.
 *
 * @param response what is like Express may have no `app`
 */
export function sendTagged(
  tagged: Tagged,
  response: { readonly app?: Settings | undefined },
  send: Function,
  args: readonly unknown[],
): unknown {
  const { app } = response
  if (app !== known) provideTags(app)
  const outer = sending
  sending = tagged
  try {
    return Reflect.apply(send, response, args)
  } finally {
    sending = outer
  }
}

const provided = new WeakSet<object>()
/** The application of the last response: most responses are of one. */
let known: unknown

function provideTags(app: Settings | undefined): void {
  known = app
  if (!app || provided.has(app)) return
  provided.add(app)
  try {
    replaceTags(app)
  } catch {
    // Its settings are frozen, or guarded: the tag is made strong as the head is written.
  }
}

/** Replaces the function by which an application makes tags, if it is Express's own. */
function replaceTags(app: Settings): void {
  const make: unknown = app.get?.('etag fn')
  const setting: unknown = app.get?.('etag')
  if ((setting !== 'weak' && setting !== true) || !isOfExpress(make)) return
  app.set?.('etag fn', (content: unknown, encoding: unknown) => {
    const tagged = sending
    sending = undefined
    if (!Buffer.isBuffer(content)) return make(content, encoding)
    const tag = tagOf(content)
    if (!tagged) return `W/${tag}`
    tagged.tag = tag
    tagged.hashed = content
    return tag
  })
}

function isOfExpress(make: unknown): make is MakeTag {
  const probe = Buffer.from('range-serve')
  return (
    typeof crypto.hash === 'function' &&
    typeof make === 'function' &&
    make(probe) === `W/${tagOf(probe)}`
  )
}

/** The tag that Express makes of content, as a strong one. */
function tagOf(content: Buffer): string {
  const hash = crypto.hash('sha1', content, 'base64').slice(0, hashLength)
  return `"${content.length.toString(16)}-${hash}"`
}

/**
 * Makes the tag of a response weak again, as Express has it, unless what is sent is known to be what was
 * hashed.
 *
 * @param length of the content that is sent
 */
export function settleTag(
  response: ServerResponse,
  tagged: Tagged,
  field: FieldLookup,
  length: number | undefined,
): void {
  const { tag } = tagged
  if (tag === undefined || field('etag') !== tag) return
  if (hasHashed(tagged, length) && field('content-encoding') === undefined) return
  weakenTag(response, tag)
}

/** Whether content of this length may be what was hashed, if any was. */
export function hasHashed({ tag, hashed }: Tagged, length: number | undefined): boolean {
  return tag === undefined || (hashed !== undefined && length === hashed.length)
}

/**
 * Notes that middleware has replaced what was hashed, maybe by as many bytes.
 *
 * @param args of `write` or `end`
 */
export function noteContent(tagged: Tagged, args: readonly unknown[]): void {
  const { hashed } = tagged
  if (!hashed || args[0] === hashed) return
  const { chunk, encoding } = parseContent(args)
  if (!isContent(chunk)) return
  // Node throws for an encoding that it does not know.
  const isKnown = encoding === undefined || Buffer.isEncoding(encoding)
  if (!isKnown || !hashed.equals(toBytes(chunk, encoding))) tagged.hashed = undefined
}

export function weakenTag(response: ServerResponse, tag: string | undefined): void {
  if (tag !== undefined && response.getHeader('ETag') === tag)
    response.setHeader('ETag', `W/${tag}`)
}

/**
 * The strong form of the tag that Express made of content of this length, `W/"<length>-<hash>"`, if
 * nothing encodes it.
 *
 * @param made the strong tag that `res.send` made: it has been made weak for a reason
 */
export function strongTag(
  field: FieldLookup,
  length: number | undefined,
  made?: string,
): string | undefined {
  const etag = field('etag')
  if (typeof etag !== 'string' || !etag.startsWith('W/') || etag.slice(2) === made) return undefined
  return isHashOf(etag, length) && field('content-encoding') === undefined
    ? etag.slice(2)
    : undefined
}

/** How many characters of the hash in Base64 are in a tag. */
const hashLength = 27

/**
 * Whether a weak tag has Express's form for content of this length. A regular expression would take a
 * tenth of what the filter costs a response.
 */
function isHashOf(etag: string, length: number | undefined): boolean {
  const end = etag.length - hashLength - 2
  if (etag.charAt(2) !== '"' || etag.charAt(end) !== '-' || !etag.endsWith('"')) return false
  return parseHex(etag, 3, end) === length
}

/** Parses digits of a text; returns `NaN` unless all of them are hexadecimal, in lower case. */
function parseHex(text: string, start: number, end: number): number {
  let value = start < end ? 0 : Number.NaN
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x30 && code <= 0x39) value = value * 16 + code - 0x30
    else if (code >= 0x61 && code <= 0x66) value = value * 16 + code - 0x57
    else return Number.NaN
  }
  return value
}
