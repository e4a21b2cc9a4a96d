// Accept-Ranges on a full response, where that is all that a filter adds: on nearly every response.
//
// There the checks of `getHeader` and `setHeader` would cost as much as all else, so fields are read and
// added where Node keeps them, as long as the methods are Node's own.

import { OutgoingMessage, type ServerResponse } from 'node:http'
import { ownSymbol } from '../runtime.ts'
import { isByteranges } from '../semantics/fields.ts'
import { OwnMethod } from './own-method.ts'

/** A field as it was set. */
type Line = [name: string, value: unknown]

/** The fields that are set on a response, by their names in lower case. */
interface FieldTable {
  [name: string]: Line | undefined
}

const own = {
  setHeader: new OwnMethod('headers[name.toLowerCase()] = [name, value]'),
  getHeader: new OwnMethod('const entry = headers[name.toLowerCase()]'),
}

/** Under this key a response has its table, or `null` before a field is set. */
declare const kOutHeaders: unique symbol

interface Tabled extends ServerResponse {
  readonly [kOutHeaders]?: FieldTable | null
}

const key = findKey()

/** `undefined` if this Node keeps fields in another way. */
function findKey(): typeof kOutHeaders | undefined {
  const message = new OutgoingMessage()
  const found = ownSymbol(message, 'kOutHeaders')
  return isKey(found) ? found : undefined
  function isKey(each: symbol | undefined): each is typeof kOutHeaders {
    if (each === undefined) return false
    const [name, value] = range()
    message.setHeader(name, String(value))
    const table: unknown = Reflect.get(message, each)
    return JSON.stringify(table) === JSON.stringify({ 'accept-ranges': range() })
  }
}

// As long as `setHeader` has only met one name, V8 13 (Node 24) adds a field by a call into C++: 0.4 us
// for each response of a server that sets no other.
for (let i = 0; i < 10; i++) {
  for (const name of ['Accept-Ranges', 'Date', 'Vary']) new OutgoingMessage().setHeader(name, '')
}

function range(): Line {
  return ['Accept-Ranges', 'bytes']
}

/**
 * Adds `Accept-Ranges: bytes` to the fields of a full response, unless one of them forbids ranges, or may
 * call for more; returns whether it did.
 *
 * @param etag the value that ETag must have
 */
export function advertise(response: ServerResponse, etag: string | undefined): boolean {
  if (key === undefined || response.headersSent) return false
  if (!hasOwnMethods(response)) return false
  // Not by `Reflect.get`, which V8 does not optimize.
  const { [key]: table }: Tabled = response
  if (!table || !isOrdinary(table) || table['etag']?.[1] !== etag) return false
  table['accept-ranges'] = range()
  return true
}

function hasOwnMethods(response: {
  readonly setHeader: unknown
  readonly getHeader: unknown
}): boolean {
  return own.setHeader.is(response.setHeader) && own.getHeader.is(response.getHeader)
}

function isOrdinary(table: FieldTable): boolean {
  const { 'content-type': type } = table
  return (
    (type === undefined || !isByteranges(String(type[1]))) &&
    table['accept-ranges'] === undefined &&
    table['content-encoding'] === undefined &&
    table['content-range'] === undefined &&
    table['trailer'] === undefined &&
    table['transfer-encoding'] === undefined &&
    table['vary'] === undefined &&
    table['x-accel-redirect'] === undefined &&
    table['x-lighttpd-send-file'] === undefined &&
    table['x-sendfile'] === undefined
  )
}
