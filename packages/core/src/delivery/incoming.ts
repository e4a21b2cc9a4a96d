// The fields of a request, before other code has read them.

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { ownSymbol } from '../runtime.ts'
import { type Conditions, hasCondition, isCondition } from '../semantics/request.ts'

/** The part of a request that is read here. */
interface Incoming {
  readonly headers: Conditions
  readonly rawHeaders?: readonly string[] | undefined
}

/** Under this key Node keeps `headers`: `null` until they are read, and then what other code may change. */
const collected = ownSymbol(new IncomingMessage(new Socket()), 'kHeaders')

/**
 * Whether a request may get anything but the full response. Most get the full one, and most handlers
 * never read `headers`, which Node makes on the first look: those are spared it.
 */
export function isConditional(request: Incoming): boolean {
  const { rawHeaders } = request
  if (!rawHeaders || rawHeaders.length === 0 || !isUnread(request)) return hasCondition(request)
  for (let i = 0; i < rawHeaders.length; i += 2) if (isCondition(rawHeaders[i]!)) return true
  return false
}

/** Whether `headers` are still what was received: hosts that imitate Node set them, middleware changes them. */
function isUnread(request: Incoming): boolean {
  return (
    collected !== undefined &&
    Reflect.get(request, collected) === null &&
    !Object.hasOwn(request, 'headers')
  )
}
