// Other code that encodes the content of a response on its way, as compression does.

import type { ServerResponse } from 'node:http'
import { encodedTag, isEntityTag } from '../semantics/entity-tag.ts'
import { addVary, variesByCoding } from '../semantics/vary.ts'
import { isUnpatched } from './memory.ts'
import type { NodeResponse } from './outgoing.ts'

/** Whether other code may encode the full response: it hooks the content, or says that codings vary. */
export function mayBeEncoded(response: NodeResponse): boolean {
  return variesByCoding(response.getHeader('Vary')) || !isUnpatched(response)
}

/**
 * Writes a head through hooks of `writeHead`. Should they encode the content of a whole, as compression
 * does, it gets the entity-tag of that coding: the tail of what is not encoded must not be joined to the
 * beginning of what is, nor cut out of it. A 206 gets the Vary of its 200. Middleware that defers the
 * head until the first write is watched until it sends it.
 */
export function writeThrough<T>(response: ServerResponse, write: () => T): T {
  const own = {
    setHeader: Object.getOwnPropertyDescriptor(response, 'setHeader'),
    getHeader: Object.getOwnPropertyDescriptor(response, 'getHeader'),
  }
  const setHeader = response.setHeader.bind(response)
  const getHeader = response.getHeader.bind(response)
  let plain: string | undefined
  response.setHeader = (name, value) => {
    setHeader(name, value)
    if (name.toLowerCase() !== 'content-encoding') return response
    plain ??= tagOf(response)
    if (plain !== undefined) setHeader('ETag', encodedTag(plain, String(value)))
    return response
  }
  response.getHeader = (name) => {
    // To know whether it may be transformed is of use to an encoder alone, and Vary would come next.
    if (response.statusCode === 206 && name.toLowerCase() === 'cache-control')
      varyByCoding(response)
    return getHeader(name)
  }
  try {
    return write()
  } finally {
    if (response.headersSent) {
      for (const name of ['setHeader', 'getHeader'] as const) {
        if (own[name]) Object.defineProperty(response, name, own[name])
        else Reflect.deleteProperty(response, name)
      }
    }
  }
}

function tagOf(response: ServerResponse): string | undefined {
  const etag = response.getHeader('ETag')
  return typeof etag === 'string' && isEntityTag(etag) ? etag : undefined
}

function varyByCoding(response: ServerResponse): void {
  if (response.headersSent) return
  const before = response.getHeader('Vary')
  response.setHeader('Vary', addVary(before?.toString(), 'Accept-Encoding'))
}
