// Small content goes to the kernel in one write with the head, as text of one byte a character: that is
// how Node joins the two. Bytes take a second write, which costs more than to copy them.

import { provenSocket } from './memory.ts'
import type { NodeResponse } from './outgoing.ts'

type Slice = (this: Buffer) => string

// A Buffer may have methods of its own, and `toString` calls this one, which Node does not document.
const latin1Slice: Slice | undefined = Reflect.get(Buffer.prototype, 'latin1Slice')

/** The most bytes that cost less to copy than to write on their own. */
const small = 4096

/**
 * Content as text for `end(text, 'latin1')`, which sends the same bytes; `undefined` if it is large, or if
 * other code may look at what is written.
 */
export function toOneWrite(response: NodeResponse, content: unknown): string | undefined {
  return isSmall(content) && provenSocket(response) ? toLatin1(content) : undefined
}

/** A character for each byte. */
export function toLatin1(content: Buffer): string {
  return latin1Slice ? latin1Slice.call(content) : content.toString('latin1')
}

/** Whether content is small enough for that; empty text would be none at all. */
export function isSmall(content: unknown): content is Buffer {
  return Buffer.isBuffer(content) && content.length > 0 && content.length <= small
}
