// Vary, RFC 9110 §12.5.5: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5

import type { FieldLookup } from './fields.ts'

/** Whether a Vary field says that the coding of a response depends on the request. */
export function variesByCoding(vary: ReturnType<FieldLookup>): boolean {
  return vary !== undefined && /(?:^|[,\s])(?:accept-encoding|\*)(?:$|[,\s])/i.test(String(vary))
}

/** Adds a field name to the value of Vary, unless that lists it or is `*`. */
export function addVary(fieldValue: string | undefined, name: string): string {
  const names = (fieldValue ?? '').split(',').map((each) => each.trim().toLowerCase())
  if (names.includes('*') || names.includes(name.toLowerCase())) return fieldValue!
  return names.some((each) => each !== '') ? `${fieldValue!}, ${name}` : name
}
