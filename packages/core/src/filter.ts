// What the filters of the adapters share: planning for content that passes by, and its fields.

import type { FilterOptions } from './options.ts'
import { text } from './select.ts'
import { type FieldLookup, mayBeCut } from './semantics/fields.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { Representation } from './semantics/representation.ts'
import type { RangeRequest } from './semantics/request.ts'
import { pickMetadata } from './sources/source.ts'

/**
 * Plans the response to a request whose 200 has been made by other code, from the fields of that 200;
 * `undefined` if ranges must not be cut out of it.
 *
 * Without a type of its own the 200 goes out without one, and so does a range of it. Validators of the
 * content count if the 200 has none of their kind, or only a weak entity-tag.
 */
export function planPassing(
  request: RangeRequest,
  field: FieldLookup,
  content: Representation,
  options: FilterOptions,
): ResponsePlan | undefined {
  if (!mayBeCut(field)) return undefined
  const type = text(field('content-type'))
  const etag = text(field('etag'))
  const lastModified = text(field('last-modified'))
  const cacheControl = text(field('cache-control'))
  const date = lastModified === undefined ? undefined : parseHttpDate(lastModified, Date.now())
  const isWeak = etag?.startsWith('W/') === true && content.etag !== undefined
  const representation = {
    ...pickMetadata(content),
    length: content.length,
    seekable: content.seekable ?? true,
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined || isWeak ? {} : { etag }),
    ...(date === undefined ? {} : { lastModified: date }),
  }
  const headers = cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }
  const plan = planResponse(request, representation, { ...options, headers })
  if (date || lastModified === undefined || plan.status === 412 || plan.status === 416) return plan
  // A Last-Modified that is not an HTTP-date is useless as a validator, and is sent unchanged.
  return { ...plan, headers: { ...plan.headers, 'Last-Modified': lastModified } }
}
