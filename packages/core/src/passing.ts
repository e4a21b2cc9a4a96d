// What the filters of the adapters share: deciding about content that passes by, by its fields.

import { contextOf } from './context.ts'
import type { Prepared } from './delivery/deliver.ts'
import type { NodeResponse } from './delivery/outgoing.ts'
import type { SendOptions } from './options.ts'
import { prepareDecided, type ServerRequest } from './prepare.ts'
import { text } from './select.ts'
import { type FieldLookup, mayBeCut } from './semantics/fields.ts'
import { parseHttpDate } from './semantics/http-date.ts'
import { evaluatePreconditions, notModifiedTag } from './semantics/preconditions.ts'
import type { PlanOptions } from './semantics/plan-options.ts'
import { planResponse, type ResponsePlan } from './semantics/plan.ts'
import type { Representation } from './semantics/representation.ts'
import { fieldValue, type RangeRequest } from './semantics/request.ts'
import { variesByCoding } from './semantics/vary.ts'
import { pickMetadata, type Source } from './sources/source.ts'

/** What a filter knows of the content, besides the fields: whether hooks may encode it on its way. */
type Encodable = Pick<PlanOptions, 'isEncodable'>

type PassingOptions = Pick<PlanOptions, 'maxRanges' | 'maxSkip' | 'maxResponse'> & Encodable

/**
 * Plans the response to a request whose 200 has been made by other code, from the fields of that 200;
 * `undefined` if ranges must not be cut out of it.
 *
 * Without a type of its own the 200 goes out without one, and so does a range of it. Validators of the
 * content count if the 200 has none of their kind, or only a weak entity-tag.
 *
 * @param content its length in bytes, validators of its own, and `seekable: false` if it passes by once
 * @param options limits, and `isEncodable` if hooks may encode the content whatever Vary says
 */
export function planPassing(
  request: RangeRequest,
  field: FieldLookup,
  content: Representation,
  options: PassingOptions,
): ResponsePlan | undefined {
  if (!mayBeCut(field)) return undefined
  const lastModified = text(field('last-modified'))
  const cacheControl = text(field('cache-control'))
  const { date, ...representation } = representationOf(field, content)
  const headers = cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }
  const isEncodable = mayBeEncoded(request, field, options)
  const plan = planResponse(request, representation, { ...options, headers, isEncodable })
  if (date || lastModified === undefined || plan.status === 412 || plan.status === 416) return plan
  // A Last-Modified that is not an HTTP-date is useless as a validator, and is sent unchanged.
  return { ...plan, headers: { ...plan.headers, 'Last-Modified': lastModified } }
}

/**
 * As {@link planPassing}, for content that has become a source and is to be delivered or lent. If that
 * returns `undefined`, the source is still open.
 *
 * @param response has the fields of the 200
 * @param own `pooled` as with {@link contextOf}; what is known of the `content`, by default all that
 *   the source says
 */
export function preparePassing(
  request: ServerRequest,
  response: NodeResponse,
  source: Source,
  options: PassingOptions & Pick<SendOptions, 'onTransfer'>,
  own: { readonly pooled: boolean; readonly content?: Representation | undefined },
): Prepared | undefined {
  const context = contextOf(response, own)
  const { set: field, isEncodable } = context
  const { content = source } = own
  const plan = planPassing(request, field, content, { ...options, isEncodable })
  return plan && prepareDecided(request, source, plan, options, context)
}

/**
 * Evaluates the preconditions of a GET or HEAD by the fields of a response that other code makes.
 * Returns the entity-tag of the 304 if they call for one; `undefined` otherwise.
 *
 * @param field as with {@link planPassing}, and so are `content` and `options`
 */
export function evaluatePassing(
  request: RangeRequest,
  field: FieldLookup,
  content: Pick<Representation, 'etag'>,
  options: Encodable = {},
): { readonly etag: string | undefined } | undefined {
  const isEncodable = mayBeEncoded(request, field, options)
  const { date: _, ...representation } = representationOf(field, { ...content, length: 0 })
  const outcome = evaluatePreconditions(request, representation, Date.now(), isEncodable)
  if (outcome !== 'not-modified') return undefined
  const { etag } = representation
  return { etag: etag === undefined ? etag : notModifiedTag(request, etag, isEncodable) }
}

/** Whether the full response may be encoded; to a request without tags it makes no difference. */
function mayBeEncoded(request: RangeRequest, field: FieldLookup, options: Encodable): boolean {
  if (fieldValue(request, 'if-none-match') === undefined) return false
  return options.isEncodable === true || variesByCoding(field('vary'))
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
