// What the filters of the adapters share: planning for content that passes by, and its fields.

import type { FilterOptions } from './options.ts'
import { text } from './select.ts'
import { type FieldLookup, mayBeCut } from './semantics/fields.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { evaluatePreconditions, notModifiedTag } from './semantics/preconditions.ts'
import type { PlanOptions } from './semantics/plan-options.ts'
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
  options: FilterOptions & Pick<PlanOptions, 'isEncodable'>,
): ResponsePlan | undefined {
  if (!mayBeCut(field)) return undefined
  const lastModified = text(field('last-modified'))
  const cacheControl = text(field('cache-control'))
  const { date, ...representation } = representationOf(field, content)
  const headers = cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }
  const plan = planResponse(request, representation, { ...options, headers })
  if (date || lastModified === undefined || plan.status === 412 || plan.status === 416) return plan
  // A Last-Modified that is not an HTTP-date is useless as a validator, and is sent unchanged.
  return { ...plan, headers: { ...plan.headers, 'Last-Modified': lastModified } }
}

/**
 * Evaluates the preconditions of a GET or HEAD by the fields of a response that other code makes.
 * Returns the entity-tag of the 304 if they call for one; `undefined` otherwise.
 *
 * @param content its validators count as with {@link planPassing}
 */
export function evaluatePassing(
  request: RangeRequest,
  field: FieldLookup,
  content: Pick<Representation, 'etag'>,
  isEncodable: boolean,
): { readonly etag: string | undefined } | undefined {
  const { date: _, ...representation } = representationOf(field, { ...content, length: 0 })
  const outcome = evaluatePreconditions(request, representation, Date.now(), isEncodable)
  if (outcome !== 'not-modified') return undefined
  const { etag } = representation
  return { etag: etag === undefined ? etag : notModifiedTag(request, etag, isEncodable) }
}

function representationOf(
  field: FieldLookup,
  content: Representation,
): Representation & { readonly date: Date | undefined } {
  const type = text(field('content-type'))
  const etag = text(field('etag'))
  const lastModified = text(field('last-modified'))
  const date = lastModified === undefined ? undefined : parseHttpDate(lastModified, Date.now())
  const isWeak = etag?.startsWith('W/') === true && content.etag !== undefined
  return {
    ...pickMetadata(content),
    length: content.length,
    seekable: content.seekable ?? true,
    ...(type === undefined ? {} : { type }),
    ...(etag === undefined || isWeak ? {} : { etag }),
    ...(date === undefined ? {} : { lastModified: date }),
    date,
  }
}
