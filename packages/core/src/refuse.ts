// Values that cannot be sent: the error says what the value is and what to write instead.

import { invalidArgument } from './errors.ts'
import { builtin } from './runtime.ts'
import { isReadable } from './sources/early-end.ts'
import { nameOf } from './validate.ts'

const NodeStream = builtin('node:stream')?.Stream

const ofStream = 'write fromStream(stream, { length }) instead'

/** Makes the error for a value that cannot be sent: TypeError `ERR_INVALID_ARGUMENT`. */
export function refuse(value: unknown): TypeError {
  return invalidArgument('ERR_INVALID_ARGUMENT', `Cannot serve ${nameOf(value)}: ${instead(value)}`)
}

/** Whether a value is a Node stream, whose `read` differs from that of a source. */
export function isStream(value: unknown): boolean {
  return NodeStream !== undefined && value instanceof NodeStream
}

function instead(value: unknown): string {
  if (value === undefined || value === null) {
    return 'there is nothing to send; respond with 404 if it was not found'
  }
  if (typeof value === 'number') {
    return 'open the file with node:fs/promises and give its FileHandle, or its path'
  }
  if (typeof value === 'function') {
    return 'give what it returns, or write fromStream(open, { length }) if it opens a stream'
  }
  return typeof value === 'object' ? insteadOfObject(value) : kinds
}

const kinds =
  'give a path, file: URL, FileHandle, Uint8Array, Blob or Source; fromReader, fromStream make a Source'

function insteadOfObject(value: object): string {
  // Only streams of node:fs have a path.
  if (isReadable(value) && 'path' in value) return `give the path itself, or ${ofStream}`
  if (isReadable(value) || value instanceof ReadableStream) return ofStream
  if (isStream(value)) return `it cannot be read; ${kinds}`
  if (value instanceof Response) {
    return 'write fromStream(response.body, { length }) instead, with the length from Content-Length'
  }
  if (value instanceof ArrayBuffer || isShared(value)) {
    return 'write new Uint8Array(buffer) instead'
  }
  if (ArrayBuffer.isView(value)) {
    return 'write new Uint8Array(view.buffer, view.byteOffset, view.byteLength) instead'
  }
  if (Array.isArray(value)) return 'write Buffer.from(bytes) or Buffer.concat(chunks) instead'
  if (Symbol.asyncIterator in value) return ofStream
  if ('length' in value) return 'it has no read method; write fromReader({ length, read }) instead'
  return kinds
}

/** A page has no `SharedArrayBuffer` unless it is isolated. */
function isShared(value: object): boolean {
  return typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer
}
