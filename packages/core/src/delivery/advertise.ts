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
 * @param length what Content-Length must say, in bytes, if it is set; `undefined`: anything
 * @param isSlow V8 has learned nothing of the response: what is found by reflection costs less
 */
export function advertise(
  response: ServerResponse,
  etag: string | undefined,
  length?: number,
  isSlow = false,
): boolean {
  if (key === undefined || isSent(response, isSlow)) return false
  if (!hasOwnMethods(isSlow ? holderOf(response) : response)) return false
  const table = tableOf(response, key, isSlow)
  if (!table || !isOrdinary(table) || table['etag']?.[1] !== etag) return false
  if (length !== undefined && !isOfLength(table, length)) return false
  table['accept-ranges'] = range()
  return true
}

function isSent(response: ServerResponse, isSlow: boolean): boolean {
  return isSlow ? Boolean(Reflect.get(response, '_header')) : response.headersSent
}

function tableOf(
  response: Tabled,
  at: typeof kOutHeaders,
  isSlow: boolean,
): FieldTable | null | undefined {
  return isSlow ? Reflect.get(response, at) : response[at]
}

/** The methods by which fields are read and set. */
interface Methods {
  readonly setHeader: unknown
  readonly getHeader: unknown
}

function hasOwnMethods({ setHeader, getHeader }: Methods): boolean {
  return own.setHeader.is(setHeader) && own.getHeader.is(getHeader)
}

/** The prototype of a response, which it shares with others, unless it has methods of its own. */
function holderOf(response: Methods): Methods {
  const hasOwn = Object.hasOwn(response, 'setHeader') || Object.hasOwn(response, 'getHeader')
  return hasOwn ? response : Object.getPrototypeOf(response)
}

function isOfLength({ 'content-length': line }: FieldTable, length: number): boolean {
  return line === undefined || line[1] === length || line[1] === String(length)
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
