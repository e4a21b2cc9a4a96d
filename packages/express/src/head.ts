// The head of a full response: how long its content is, and the fields that the filter adds.

import { type ServerResponse, validateHeaderValue } from 'node:http'
import type { ResponsePlan } from '@range-serve/core'
import { advertise, type FieldLookup, isUnpatched } from '@range-serve/core/adapter'
import { applyHead, mayBeCut, parseContentLength, tagOfEncoding } from '@range-serve/core/filter'
import { hasHashed, settleTag, strongTag, type Tagged, weakenTag } from './hash-tag.ts'
import { isSlowToTouch } from './beside.ts'
import { appendLine, type GivenFields, lookUp, parseHead, toFields } from './arguments.ts'

/** What Node keeps beside a response's fields: how to frame content whose length no field declares. */
interface Framing {
  /** The length of the content that `end` was given at once, before the head was written. */
  _contentLength?: number | null | undefined
  /** Content-Length was removed: such content is sent in chunks. */
  _removedContLen?: boolean | undefined
}

function framingOf(response: ServerResponse & Framing): Framing {
  if (!isSlowToTouch) return response
  return {
    _contentLength: Reflect.get(response, '_contentLength'),
    _removedContLen: Reflect.get(response, '_removedContLen'),
  }
}

/** Whether Content-Length was removed, so that content of unknown length goes in chunks. */
export function isLengthRemoved(response: ServerResponse): boolean {
  const { _removedContLen: isRemoved } = framingOf(response)
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
  return isMade ? lengthAtOnce(response) : undefined
}

/** The length of the content that `end` was given at once, if Node declares it. */
function lengthAtOnce(response: ServerResponse): number | undefined {
  const { _contentLength: length, _removedContLen: isRemoved } = framingOf(response)
  return typeof length === 'number' && isRemoved !== true ? length : undefined
}

/** What the filter adds to the fields of a full response, and the tag that it replaces. */
export interface Additions {
  readonly acceptRanges?: boolean
  readonly contentLength?: number | undefined
  readonly etag?: Retagging | undefined
}

interface Retagging {
  readonly before: string
  readonly value: string
}

const acceptRanges: Additions = { acceptRanges: true }

/**
 * What a full response lacks, by the length of its content. Node does not add a length to a HEAD, and
 * Express tags weakly what it has hashed to the byte.
 */
export function missingFields(
  field: FieldLookup,
  isHead: boolean,
  length: number,
  { tag: made }: Tagged,
): Additions | undefined {
  const lacksRanges = field('accept-ranges') === undefined
  const lacksLength = isHead && field('content-length') === undefined
  const value = strongTag(field, length, made)
  if (!lacksLength && value === undefined) return lacksRanges ? acceptRanges : undefined
  return {
    acceptRanges: lacksRanges,
    contentLength: lacksLength ? length : undefined,
    etag: value === undefined ? undefined : { before: `W/${value}`, value },
  }
}

/**
 * The tag for a response of unknown length that middleware between its handler and the filter encodes:
 * such middleware has hooked the content, and removed its length.
 */
export function tagEncoding(response: ServerResponse): Additions | undefined {
  const coding = response.getHeader('Content-Encoding')
  if (coding === undefined || !isLengthRemoved(response) || isUnpatched(response)) return undefined
  const before = response.getHeader('ETag')
  const value = tagOfEncoding(before, coding)
  return value === undefined ? undefined : { etag: { before: String(before), value } }
}

/** Writes a head through the hooks of others. */
export type WriteHead = (response: ServerResponse, args: unknown[]) => unknown

/** Writes the head of a response to a GET that is not to be cut, with Accept-Ranges if it could be. */
export function writeFullHead(
  response: ServerResponse,
  args: unknown[],
  write: WriteHead,
  tagged: Tagged,
): unknown {
  if (Number(args[0]) !== 200) {
    weakenTag(response, tagged.tag)
    return write(response, args)
  }
  const fields = args.length > 1 ? parseHead(args).fields : undefined
  const field = lookUp(response, fields)
  const atOnce = lengthAtOnce(response)
  const known = atOnce ?? declaredLength(response, field, true)
  const isHashed = !fields && known !== undefined && hasHashed(tagged, known)
  if (isHashed && advertise(response, tagged.tag, known, isSlowToTouch)) {
    return writeOrTakeBack(response, args, acceptRanges, write)
  }
  const length = atOnce === undefined ? known : declaredLength(response, field, true)
  settleTag(response, tagged, field, length)
  const isCuttable = mayBeCut(field, fields ? undefined : response.getHeaderNames())
  if (!isCuttable) weakenTag(response, tagged.tag)
  const additions =
    isCuttable && length !== undefined
      ? missingFields(field, false, length, tagged)
      : tagEncoding(response)
  return writeWith(response, args, additions, write)
}

function writeOrTakeBack(
  response: ServerResponse,
  args: unknown[],
  additions: Additions,
  write: WriteHead,
): unknown {
  try {
    return write(response, args)
  } catch (error) {
    if (!response.headersSent) takeBack(response, additions)
    throw error
  }
}

/**
 * Writes a head with additions, or without them if a patched `setHeader` throws; takes them back if the
 * head fails. They go to the fields that `writeHead` was given, if any: once a field is set on a
 * response, Node takes those apart, loses lines of lists, and leaves them on the response if the head
 * fails. A tag among those is not changed.
 */
export function writeWith(
  response: ServerResponse,
  args: unknown[],
  additions: Additions | undefined,
  write: WriteHead,
): unknown {
  if (!additions) return write(response, args)
  const given = args.length > 1 ? parseHead(args).fields : undefined
  const { etag, contentLength } = additions
  let isAdded = false
  try {
    const isSet = etag && (!given || response.getHeader('ETag') === etag.before)
    if (isSet) response.setHeader('ETag', etag.value)
    if (additions.acceptRanges) {
      if (given) args = appendLine(args, 'Accept-Ranges', 'bytes')
      else response.setHeader('Accept-Ranges', 'bytes')
    }
    if (contentLength !== undefined) {
      if (given) args = appendLine(args, 'Content-Length', String(contentLength))
      else response.setHeader('Content-Length', String(contentLength))
    }
    isAdded = true
    return write(response, args)
  } catch (error) {
    if (!response.headersSent) takeBack(response, additions)
    if (isAdded) throw error
    return write(response, args)
  }
}

/** Takes back added fields after the head could not be written. */
function takeBack(
  response: ServerResponse,
  { acceptRanges: hasRanges, contentLength, etag }: Additions,
): void {
  if (hasRanges) response.removeHeader('Accept-Ranges')
  if (contentLength !== undefined) response.removeHeader('Content-Length')
  if (etag && response.getHeader('ETag') === etag.value) response.setHeader('ETag', etag.before)
}

/**
 * Applies a plan over fields that `writeHead` was given; returns a function that takes it back.
 * `undefined` if a patched `setHeader` throws: the full response is sent.
 */
export function applyPlan(
  response: ServerResponse,
  plan: ResponsePlan,
  given: GivenFields,
): (() => void) | undefined {
  try {
    return applyHead(response, plan, toFields(given).values())
  } catch (error) {
    // The handler gets the error of a field that it gave.
    if (given) throw error
    return undefined
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
