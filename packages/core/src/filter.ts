// What the filters of the adapters share: planning for content that passes by, and its fields.

import { type FilterOptions, presetOf } from './options.ts'
import { mayBeCut } from './semantics/fields.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { RangeRequest } from './semantics/request.ts'

/** A field's value by its lower-case name: of a response, of options, of what `writeHead` was given. */
export type FieldLookup = (name: string) => number | string | readonly string[] | undefined

/**
 * Plans the response to a request whose 200 has been made by other code, from the fields of that 200;
 * `undefined` if ranges must not be cut out of it.
 *
 * Without a type of its own the 200 goes out without one, and so does a range of it.
 *
 * @param content `length` in bytes; `seekable` unless it passes by once
 */
export function planPassing(
  request: RangeRequest,
  field: FieldLookup,
  content: { readonly length: number; readonly seekable: boolean },
  options: FilterOptions,
): ResponsePlan | undefined {
  if (!mayBeCut(field)) return undefined
  const { type, etag, lastModified, cacheControl } = presetOf(field)
  const date = lastModified === undefined ? undefined : parseHttpDate(lastModified, Date.now())
  const representation = {
    ...content,
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined ? {} : { etag }),
    ...(date === undefined ? {} : { lastModified: date }),
  }
  const headers = cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }
  const plan = planResponse(request, representation, { ...options, headers })
  if (date || lastModified === undefined || plan.status === 412 || plan.status === 416) return plan
  // A Last-Modified that is no HTTP-date is of no use as a validator, and stays what it is.
  return { ...plan, headers: { ...plan.headers, 'Last-Modified': lastModified } }
}
