// The head of a full response: how long its content is, and the fields that the filter adds.

import { type ServerResponse, validateHeaderValue } from 'node:http'
import { type FieldLookup, isUnpatched } from '@range-serve/core/adapter'
import { mayBeCut, parseContentLength, tagOfEncoding } from '@range-serve/core/filter'
import { appendLine, lookUp, parseHead } from './arguments.ts'

/** What Node keeps beside a response's fields: how to frame content whose length no field declares. */
interface Framing {
  /** The length of the content that `end` was given at once, before the head was written. */
  _contentLength?: number | null
  /** Content-Length was removed: such content is sent in chunks. */
  _removedContLen?: boolean
}

/** Whether Content-Length was removed, so that content of unknown length goes in chunks. */
export function isLengthRemoved(response: ServerResponse): boolean {
  const { _removedContLen: isRemoved }: ServerResponse & Framing = response
  return isRemoved === true
}

/** Notes the length of content given to `end`, as Node does before it writes the head. */
export function noteLength(response: ServerResponse, length: number): void {
  Object.assign(response, { _contentLength: length } satisfies Framing)
}

/**
 * The length of the content that a response is about to declare, by its fields or as Node adds it;
 * `undefined` if it is to be sent in chunks, or is unknown.
 *
 * @param isMade whether the content was made: the handler of a HEAD may give none to `end`
 */
export function declaredLength(
  response: ServerResponse,
  field: FieldLookup,
  isMade: boolean,
): number | undefined {
  const value = field('content-length')
  if (value !== undefined) return parseContentLength(value)
  const { _contentLength: length, _removedContLen: isRemoved }: ServerResponse & Framing = response
  if (typeof length !== 'number' || isRemoved === true) return undefined
  return isMade ? length : undefined
}

/** A field that the filter adds to a full response, or whose value it replaces. */
interface Addition {
  readonly name: 'Accept-Ranges' | 'Content-Length' | 'ETag'
  readonly value: string
  readonly before?: string
}
const none: readonly Addition[] = []
const acceptRanges: readonly Addition[] = [{ name: 'Accept-Ranges', value: 'bytes' }]

/**
 * The fields that a full response lacks, by its length. Node does not add a length to a HEAD, and
 * Express tags weakly what it has hashed to the byte.
 */
export function missingFields(
  field: FieldLookup,
  isHead: boolean,
  length: number,
): readonly Addition[] {
  const additions = field('accept-ranges') === undefined ? acceptRanges : none
  const lacksLength = isHead && field('content-length') === undefined
  const value = strongTag(field, length)
  if (!lacksLength && value === undefined) return additions
  const more: Addition[] = [...additions]
  if (lacksLength) more.push({ name: 'Content-Length', value: String(length) })
  if (value !== undefined) more.push({ name: 'ETag', value, before: String(field('etag')) })
  return more
}

/** A weak tag that `res.send` makes: the length of the content, and a hash of it. */
const expressTag = /^W\/"([\da-f]+)-[\w+/]{27}"$/i

/** The strong form of the tag that Express made of content of this length, if nothing encodes it. */
export function strongTag(field: FieldLookup, length: number | undefined): string | undefined {
  const etag = field('etag')
  if (typeof etag !== 'string' || length === undefined) return undefined
  const match = field('content-encoding') === undefined ? expressTag.exec(etag) : null
  return match && Number.parseInt(match[1]!, 16) === length ? etag.slice(2) : undefined
}

/**
 * The tag for a response of unknown length that middleware between its handler and the filter encodes:
 * such middleware has hooked the content, and removed its length.
 */
export function tagEncoding(response: ServerResponse): readonly Addition[] {
  const coding = response.getHeader('Content-Encoding')
  const { _removedContLen: isRemoved }: ServerResponse & Framing = response
  if (coding === undefined || isRemoved !== true || isUnpatched(response)) return none
  const before = response.getHeader('ETag')
  const value = tagOfEncoding(before, coding)
  return value === undefined ? none : [{ name: 'ETag', value, before: String(before) }]
}

/** Writes a head through the hooks of others. */
export type WriteHead = (response: ServerResponse, args: unknown[]) => unknown

/** Writes the head of a response to a GET that is not to be cut, with Accept-Ranges if it could be. */
export function writeFullHead(
  response: ServerResponse,
  args: unknown[],
  write: WriteHead,
): unknown {
  if (Number(args[0]) !== 200) return write(response, args)
  const fields = args.length > 1 ? parseHead(args).fields : undefined
  const field: FieldLookup = fields
    ? lookUp(response.getHeaders(), fields)
    : (name) => response.getHeader(name)
  const length = mayBeCut(field) ? declaredLength(response, field, true) : undefined
  const additions =
    length === undefined ? tagEncoding(response) : missingFields(field, false, length)
  return writeWith(response, args, additions, write)
}

/** Writes a head with additions; takes them back if that fails. */
export function writeWith(
  response: ServerResponse,
  args: unknown[],
  additions: readonly Addition[],
  write: WriteHead,
): unknown {
  if (additions.length === 0) return write(response, args)
  try {
    return write(response, addFields(response, args, additions))
  } catch (error) {
    removeFields(response, additions)
    throw error
  }
}

/**
 * Adds fields to a head that is about to be written; returns the arguments to write it with. They go
 * to the fields that `writeHead` was given, if any: once a field is set on a response, Node takes those
 * apart, loses lines of lists, and leaves them on the response if the head fails. A tag among those
 * is not changed.
 */
function addFields(
  response: ServerResponse,
  args: unknown[],
  additions: readonly Addition[],
): unknown[] {
  const { fields: given } = parseHead(args)
  for (const { name, value, before } of additions) {
    if (before !== undefined && response.getHeader(name) !== before) continue
    if (given && before === undefined) args = appendLine(args, name, value)
    else response.setHeader(name, value)
  }
  return args
}

/** Takes back added fields after the head could not be written. */
function removeFields(response: ServerResponse, additions: readonly Addition[]): void {
  if (response.headersSent) return
  for (const { name, value, before } of additions) {
    if (before === undefined) response.removeHeader(name)
    else if (response.getHeader(name) === value) response.setHeader(name, before)
  }
}

/** Whether Node will take a reason: if not, the head fails as it would without the filter. */
export function isReason(reason: string | undefined): boolean {
  try {
    if (reason) validateHeaderValue('reason', reason)
    return true
  } catch {
    return false
  }
}
