// The head of a response, written over the fields that were set on it before.

import { type OutgoingHttpHeader, ServerResponse } from 'node:http'
import { applyFields, restoreField } from '../semantics/apply-fields.ts'
import type { ResponsePlan } from '../semantics/plan.ts'
import { writeThrough } from './encoding.ts'
import { hasOwnHead, isUnpatched } from './memory.ts'

/**
 * Writes the head of a plan; should that throw, the response is left as it was. Behind a `write` or
 * `end` that is patched, and a `writeHead` that is not, Node writes it with the first of the content:
 * such code may still set fields then, as with any other response.
 *
 * @returns a function that takes back what was set, for a head that cannot be written then
 */
export function writeHead(response: ServerResponse, plan: ResponsePlan): () => void {
  const { status, headers } = plan
  const before = statusOf(response)
  let retract = () => restoreStatus(response, before)
  try {
    if (isPlain(response) && response.getHeaderNames().length === 0 && isUnpatched(response)) {
      // One flat list is the fastest that Node can be told.
      const list: (string | readonly string[])[] = []
      for (const name in headers) list.push(name, headers[name]!)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node changes no lists
      response.writeHead(status, list as OutgoingHttpHeader[])
      return retract
    }
    retract = applyHead(response, plan)
    // Unpatched `write` and `end`: nothing re-encodes the content.
    if (isUnpatched(response)) response.writeHead(status)
    else if (hasOwnHead(response)) response.statusCode = status
    else writeThrough(response, () => response.writeHead(status))
    return retract
  } catch (error) {
    if (!response.headersSent) retract()
    throw error
  }
}

interface Status {
  readonly code: number
  readonly message: string | undefined
}

/** The status of a response; HTTP/2 has no message for it, and Node warns of any use of one. */
function statusOf(response: ServerResponse): Status {
  const message = response instanceof ServerResponse ? response.statusMessage : undefined
  return { code: response.statusCode, message }
}

function restoreStatus(response: ServerResponse, { code, message }: Status): void {
  response.statusCode = code
  if (response instanceof ServerResponse) response.statusMessage = message!
}

/** What Node notes beside the fields: content whose length was removed goes in chunks. */
interface Framing extends ServerResponse {
  readonly _removedContLen?: boolean
}

/** A field line to be set; several lines of one name are a list. */
export interface GivenField {
  readonly name: string
  readonly value: number | string | readonly string[]
}

/**
 * Gives a response the fields of a plan, over those that `writeHead` was given; returns a function that
 * takes back exactly that, and the status if it is the plan's by then.
 */
export function applyHead(
  response: ServerResponse,
  plan: ResponsePlan,
  given?: Iterable<GivenField>,
): () => void {
  const before = statusOf(response)
  const { _removedContLen: isRemoved }: Framing = response
  let takeBack: (() => void) | undefined
  let restore: (() => void) | undefined
  try {
    takeBack = given && setFields(response, given)
    restore = applyFields(response, plan)
  } catch (error) {
    retract()
    throw error
  }
  return retract

  function retract(): void {
    restore?.()
    takeBack?.()
    // Node takes a length that is taken back for one that was removed.
    if (isRemoved !== undefined) Object.assign(response, { _removedContLen: isRemoved })
    if (response.statusCode === plan.status) restoreStatus(response, before)
  }
}

/** Sets fields, all or none of them; returns a function that takes them back. */
function setFields(response: ServerResponse, fields: Iterable<GivenField>): () => void {
  const undo: (() => void)[] = []
  const takeBack = (): void => {
    for (const each of undo.splice(0).toReversed()) each()
  }
  try {
    for (const { name, value } of fields) {
      const old = response.getHeader(name)
      response.setHeader(name, value)
      undo.push(() => restoreField(response, name, old))
    }
  } catch (error) {
    takeBack()
    throw error
  }
  return takeBack
}

/** Whether `writeHead` is Node's own: hooks may not know of lists. */
function isPlain(response: ServerResponse): boolean {
  return response.writeHead === ServerResponse.prototype.writeHead
}
