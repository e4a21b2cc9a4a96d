// The head of a full response: how long its content is, and the fields that the filter adds.

import { type ServerResponse, validateHeaderValue } from 'node:http'
import { type FieldLookup, parseContentLength } from '@range-serve/core/adapter'
import { appendLine, type GivenFields } from './arguments.ts'

/** What Node notes beside a response's fields: how to frame content of which no field tells the length. */
interface Framing {
  /** The length of the content that `end` was given at once, before the head was written. */
  _contentLength?: number | null
  /** Content-Length was removed: such content is sent in chunks. */
  _removedContLen?: boolean
}

/** Whether Content-Length was removed, so that content of unknown length goes in chunks. */
export function isLengthRemoved(response: ServerResponse): boolean {
  const { _removedContLen: isRemoved } = response as Framing
  return isRemoved === true
}

/** Notes the length of content given to `end`, as Node does before it writes the head. */
export function noteLength(response: ServerResponse, length: number): void {
  Object.assign(response, { _contentLength: length } satisfies Framing)
}

/**
 * The length of the content that a response is about to declare, by its fields or as Node adds it;
 * `undefined` if it is to be sent in chunks, or nothing tells.
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
  const { _contentLength: length, _removedContLen: isRemoved } = response as Framing
  if (typeof length !== 'number' || isRemoved === true) return undefined
  return isMade ? length : undefined
}

/** The names of fields that the filter adds to a full response. */
export type Additions = readonly ('Accept-Ranges' | 'Content-Length')[]
const none: Additions = []
const acceptRanges: Additions = ['Accept-Ranges']
const contentLength: Additions = ['Content-Length']
const both: Additions = ['Accept-Ranges', 'Content-Length']

/** The fields that a full response of a known length lacks. Node does not add a length to a HEAD. */
export function missingFields(field: FieldLookup, isHead: boolean): Additions {
  const lacksLength = isHead && field('content-length') === undefined
  if (field('accept-ranges') !== undefined) return lacksLength ? contentLength : none
  return lacksLength ? both : acceptRanges
}

/**
 * Adds fields to a head that is about to be written; returns the arguments to write it with. They go
 * to the fields that `writeHead` was given, if any: once a field is set on a response, Node takes those
 * apart, loses lines of lists, and leaves them on the response if the head fails.
 */
export function addFields(
  response: ServerResponse,
  args: unknown[],
  given: GivenFields,
  additions: Additions,
  length: number,
): unknown[] {
  for (const name of additions) {
    const value = name === 'Accept-Ranges' ? 'bytes' : String(length)
    if (given) args = appendLine(args, name, value)
    else response.setHeader(name, value)
  }
  return args
}

/** Takes back added fields, as the head could not be written. */
export function removeFields(response: ServerResponse, additions: Additions): void {
  if (response.headersSent) return
  for (const name of additions) response.removeHeader(name)
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
