// The fields of a request, before other code has read them.

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { ownSymbol } from '../runtime.ts'
import { type Conditions, hasCondition, isCondition } from '../semantics/request.ts'

/** Under this key Node keeps `headers`: `null` until they are read, and then what other code may change. */
declare const kHeaders: unique symbol

/** The part of a request that is read here. */
interface Incoming {
  readonly headers: Conditions
  readonly rawHeaders?: readonly string[] | undefined
  readonly [kHeaders]?: unknown
}

const collected = findKey()

/** `undefined` if this Node keeps fields in another way. */
function findKey(): typeof kHeaders | undefined {
  const message = new IncomingMessage(new Socket())
  const found = ownSymbol(message, 'kHeaders')
  return isKey(found) ? found : undefined
  function isKey(key: symbol | undefined): key is typeof kHeaders {
    return key !== undefined && Reflect.get(message, key) === null
  }
}

/**
 * Whether a request may get anything but the full response. Most get the full one, and most handlers
 * never read `headers`, which Node makes on the first look: those are spared it.
 *
 * @param before what this was when the request arrived, which holds while `headers` are unread
 */
export function isConditional(request: Incoming, before?: boolean): boolean {
  const { rawHeaders } = request
  if (!rawHeaders || rawHeaders.length === 0 || !isUnread(request)) return hasCondition(request)
  if (before !== undefined) return before
  for (let i = 0; i < rawHeaders.length; i += 2) if (isCondition(rawHeaders[i]!)) return true
  return false
}

/** Whether `headers` are still what was received: hosts that imitate Node set them, middleware changes them. */
function isUnread(request: Incoming): boolean {
  return (
    collected !== undefined && request[collected] === null && !Object.hasOwn(request, 'headers')
  )
}
