// The overloads of `writeHead`, `write` and `end`, read as Node reads them.

import type { FieldLookup } from '@range-serve/core/adapter'

export type Callback = (error?: Error | null) => void

/** What `write` or `end` was given; each may be left out. */
export interface ContentArguments {
  readonly chunk: unknown
  readonly encoding: BufferEncoding | undefined
  readonly callback: Callback | undefined
}

/** Reads the arguments of `write(chunk, encoding?, callback?)`, or of `end`, which may lack the chunk. */
export function parseContent(args: readonly unknown[]): ContentArguments {
  const callback = args.find(isCallback)
  const [chunk, encoding] = callback ? args.slice(0, args.indexOf(callback)) : args
  return { chunk, encoding: isEncoding(encoding) ? encoding : undefined, callback }
}

function isCallback(arg: unknown): arg is Callback {
  return typeof arg === 'function'
}

/** Any text: Node throws for an unknown encoding, once it is used. */
function isEncoding(arg: unknown): arg is BufferEncoding {
  return typeof arg === 'string'
}

/** Arguments for `write` or `end` without those that are left out. */
export function formatContent(...args: readonly unknown[]): unknown[] {
  return args.filter((arg) => arg !== undefined)
}

/** Whether a chunk is content; Node throws for anything else. */
export function isContent(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

/** Throws for an unknown encoding, as Node does. */
export function toBytes(
  chunk: string | Uint8Array,
  encoding: BufferEncoding | undefined,
): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
}

/** A field that `writeHead` was given; several lines of one name are a list. */
export interface GivenField {
  readonly name: string
  readonly value: number | string | readonly string[]
}

/** The fields that `writeHead` was given: a record, a flat list of names and values, or pairs of them. */
export type GivenFields = object | undefined

/** What `writeHead(status, reason?, fields?)` was given. */
export interface HeadArguments {
  readonly status: unknown
  readonly reason: string | undefined
  readonly fields: GivenFields
}

export function parseHead(args: readonly unknown[]): HeadArguments {
  const [status, second, third] = args
  const hasReason = typeof second === 'string'
  const fields = hasReason ? third : (third ?? second)
  return {
    status,
    reason: hasReason ? second : undefined,
    fields: typeof fields === 'object' && fields !== null ? fields : undefined,
  }
}

/**
 * The fields that `writeHead` was given, by their names in lower case. Several lines of one name are a
 * list, as with Set-Cookie.
 */
export function toFields(fields: GivenFields): Map<string, GivenField> {
  const byName = new Map<string, GivenField>()
  for (const [name, value] of toPairs(fields)) {
    const key = String(name).toLowerCase()
    const before = byName.get(key)
    byName.set(key, {
      name: String(name),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node refuses any other
      value: (before ? [before.value, value].flat() : value) as GivenField['value'],
    })
  }
  return byName
}

function toPairs(fields: GivenFields): Iterable<readonly unknown[]> {
  if (!fields) return []
  if (!Array.isArray(fields)) return Object.entries(fields)
  if (Array.isArray(fields[0])) return fields
  const pairs: unknown[][] = []
  for (let i = 0; i + 1 < fields.length; i += 2) pairs.push([fields[i], fields[i + 1]])
  return pairs
}

/** Looks up what a response will say in a field: what `writeHead` is given overrides what was set. */
export function lookUp(
  response: { getHeader(name: string): GivenField['value'] | undefined },
  fields: GivenFields,
): FieldLookup {
  if (!fields) return (name) => response.getHeader(name)
  const given = toFields(fields)
  return (name) => given.get(name)?.value ?? response.getHeader(name)
}

/** The arguments of `writeHead` with a line added to the fields that it was given. */
export function appendLine(args: readonly unknown[], name: string, value: string): unknown[] {
  const { fields } = parseHead(args)
  let longer: object
  if (!Array.isArray(fields)) longer = { ...fields, [name]: value }
  else if (Array.isArray(fields[0])) longer = [...(fields as unknown[]), [name, value]]
  else longer = [...(fields as unknown[]), name, value]
  return args.map((arg) => (arg === fields ? longer : arg))
}
