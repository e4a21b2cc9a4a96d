// Applies the fields of a plan to a response that has fields already, and restores them.

import { isStale, type ResponseFields } from './fields.ts'

/** An object with the fields of a response: Node's own, or a stand-in. */
export interface FieldTarget {
  getHeader(name: string): number | string | string[] | undefined
  getHeaderNames(): string[]
  setHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): void
}

type FieldValue = number | string | readonly string[] | undefined

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
  const changes: {
    readonly name: string
    readonly before: FieldValue
    readonly now: FieldValue
  }[] = []
  for (const name of target.getHeaderNames()) {
    if (!isStale(plan, name)) continue
    changes.push({ name, before: target.getHeader(name), now: undefined })
    target.removeHeader(name)
  }
  for (const [name, value] of Object.entries(plan.headers)) {
    const before = target.getHeader(name)
    if (before === value) continue
    changes.push({ name, before, now: value })
    target.setHeader(name, value)
  }
  return () => {
    for (const { name, before, now } of changes.splice(0).toReversed()) {
      if (target.getHeader(name) !== now) continue
      if (before === undefined) target.removeHeader(name)
      else target.setHeader(name, before as string | readonly string[])
    }
  }
}
