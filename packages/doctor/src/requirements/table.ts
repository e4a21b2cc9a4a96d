import { conditionRows } from './conditions.ts'
import { rangeRows } from './ranges.ts'
import type { Representation, Requirement } from './requirement.ts'

/** What every response must be: RFC 9110 and what it leaves open, for one representation. */
export function requirementsFor(representation: Representation): readonly Requirement[] {
  const rows = [...rangeRows(representation.length), ...conditionRows(representation)]
  return rows.map(([id, level, section, says, request, expect]) => ({
    id,
    level,
    section,
    says,
    request,
    expect,
  }))
}
