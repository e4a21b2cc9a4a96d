// A response as far as it was read.

export interface Reply {
  readonly status: number
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  /** The content, or its beginning if it is longer than was read. */
  readonly content: Buffer
  /** Whether all of the content was read. */
  readonly isComplete: boolean
  /** How the response broke off, if it did. */
  readonly fault?: string | undefined
}

/** The value of a field, its lines joined. */
export function field(reply: Reply, name: string): string | undefined {
  return reply.fields.get(name.toLowerCase())?.join(', ')
}

/** The Content-Length, if it is a number. */
export function contentLength(reply: Reply): number | undefined {
  const text = field(reply, 'Content-Length')
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** Collects fields from names and values in turn, as Node gives them. */
export function toFields(raw: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const values = fields.get(name)
    if (values) values.push(raw[i + 1]!)
    else fields.set(name, [raw[i + 1]!])
  }
  return fields
}
