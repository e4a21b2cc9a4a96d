// Applies the fields of a plan to a response that has fields already, and restores them.

import { isStale, type ResponseFields } from './fields.ts'

/** An object with the fields of a response: Node's own, or a stand-in. */
export interface FieldTarget {
  getHeader(name: string): number | string | string[] | undefined
  /** All of them, by their names in lower case. */
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>
  setHeader(name: string, value: number | string | readonly string[]): unknown
  removeHeader(name: string): void
}

type FieldValue = number | string | readonly string[]

interface Change {
  readonly name: string
  readonly before: FieldValue | undefined
  readonly now: FieldValue | undefined
}

/**
 * Makes the fields of a response those of a plan: sets the planned ones, removes what a response of
 * that status must not carry, and leaves the others as they are.
 *
 * @returns a function that restores exactly what was changed here: fields that other code has set
 *   since
 *   are left alone
 */
export function applyFields(
  target: FieldTarget,
  plan: { readonly status: number; readonly headers: ResponseFields },
): () => void {
  // One look at all of them: Express makes each response slow to touch before Node 24.
  const set = target.getHeaders()
  const changes: Change[] = []
  for (const name in set) {
    if (!isStale(plan, name)) continue
    changes.push({ name, before: set[name], now: undefined })
    target.removeHeader(name)
  }
  for (const name in plan.headers) {
    const value = plan.headers[name]
    if (value === undefined) continue
    const before = set[name.toLowerCase()]
    if (before === value) continue
    changes.push({ name, before, now: value })
    target.setHeader(name, value)
  }
  return () => {
    for (const { name, before, now } of changes.splice(0).toReversed()) {
      if (target.getHeader(name) !== now) continue
      if (before === undefined) target.removeHeader(name)
      else target.setHeader(name, before)
    }
  }
}
