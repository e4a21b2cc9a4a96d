// The head of a response, written over the fields that were set on it before.

import { ServerResponse } from 'node:http'
import { applyFields } from '../semantics/apply-fields.ts'
import { isEntityTag, weaken } from '../semantics/entity-tag.ts'
import type { ResponsePlan } from '../semantics/plan.ts'
import { isUnpatched } from './memory.ts'

/** Writes the head of a plan; should that throw, the response is left as it was. */
export function writeHead(response: ServerResponse, plan: ResponsePlan): void {
  const { status, headers } = plan
  const { statusCode, statusMessage } = response
  let retract = () => {}
  try {
    if (response.getHeaderNames().length === 0 && isPlain(response)) {
      // One flat list is the fastest that Node can be told.
      const list: (string | string[])[] = []
      for (const name in headers) list.push(name, headers[name] as string | string[])
      response.writeHead(status, list as unknown as string[])
      return
    }
    retract = applyFields(response, plan)
    // Unpatched `write` and `end`: nothing re-encodes the content.
    if (isUnpatched(response)) response.writeHead(status)
    else writeThrough(response, () => response.writeHead(status))
  } catch (error) {
    if (!response.headersSent) {
      retract()
      response.statusCode = statusCode
      response.statusMessage = statusMessage
    }
    throw error
  }
}

/**
 * Writes a head through hooks of `writeHead`. Should they encode the content of a whole, as compression
 * does, its entity-tag becomes weak: a strong one is for one coding alone (§8.8.3.3), and the tail of
 * what is not encoded must not be joined to the beginning of what is. Middleware that defers the head
 * until the first write is watched until it sends it.
 */
export function writeThrough<T>(response: ServerResponse, write: () => T): T {
  const own = Object.getOwnPropertyDescriptor(response, 'setHeader')
  const setHeader = response.setHeader.bind(response)
  response.setHeader = (name, value) => {
    setHeader(name, value)
    if (name.toLowerCase() === 'content-encoding') weakenTag(response, setHeader)
    return response
  }
  try {
    return write()
  } finally {
    if (response.headersSent) {
      if (own) Object.defineProperty(response, 'setHeader', own)
      else Reflect.deleteProperty(response, 'setHeader')
    }
  }
}

function weakenTag(response: ServerResponse, setHeader: ServerResponse['setHeader']): void {
  const etag = response.getHeader('ETag')
  if (typeof etag === 'string' && isEntityTag(etag)) setHeader('ETag', weaken(etag))
}

/** Whether `writeHead` is Node's own: hooks may not know of lists. */
function isPlain(response: ServerResponse): boolean {
  return response.writeHead === ServerResponse.prototype.writeHead
}
