// Applies the fields of a plan to a response that has fields already, and restores them.

import { isStale, type ResponseFields, toLowerCase } from './fields.ts'

/** An object with the fields of a response: Node's own, or a stand-in. */
export interface FieldTarget {
  getHeader(name: string): number | string | string[] | undefined
  /** A copy of all of them, by their names in lower case. */
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>
  setHeader(name: string, value: number | string | readonly string[]): unknown
  removeHeader(name: string): void
}

/**
 * Makes the fields of a response those of a plan: sets the planned ones, removes what a response of
 * that status must not carry, and leaves the others as they are.
 *
 * @returns a function that restores exactly what was changed here: fields that other code has set
 *   since are left alone
 */
export function applyFields(
  target: FieldTarget,
  plan: { readonly status: number; readonly headers: ResponseFields },
): () => void {
  const { headers } = plan
  // One look at all of them: Express makes each response slow to touch before Node 24.
  const before = target.getHeaders()
  let isApplied = true
  try {
    for (const name in before) if (isStale(plan, name)) target.removeHeader(name)
    for (const name in headers) {
      const value = headers[name]
      if (value !== undefined && value !== before[toLowerCase(name)]) target.setHeader(name, value)
    }
  } catch (error) {
    restore()
    throw error
  }
  return restore

  function restore(): void {
    if (!isApplied) return
    isApplied = false
    for (const name in headers) {
      const value = headers[name]
      const old = before[toLowerCase(name)]
      if (value === undefined || value === old || target.getHeader(name) !== value) continue
      restoreField(target, name, old)
    }
    for (const name in before) {
      const isRemoved = isStale(plan, name) && target.getHeader(name) === undefined
      if (isRemoved) restoreField(target, name, before[name])
    }
  }
}

/** Restores a field, past a patched method that throws: half of a plan must not be left behind. */
export function restoreField(
  target: FieldTarget,
  name: string,
  value: ReturnType<FieldTarget['getHeader']>,
): void {
  const restore = (own: FieldTarget): unknown =>
    value === undefined
      ? own.removeHeader.call(target, name)
      : own.setHeader.call(target, name, value)
  try {
    restore(target)
  } catch {
    restore(Object.getPrototypeOf(target))
  }
}
