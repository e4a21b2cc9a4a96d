export { CannotCheck } from './cannot-check.ts'
export type { DiagnoseOptions } from './diagnose.ts'
export { diagnose } from './diagnose.ts'
export type { Redirect } from './follow.ts'
export { formatReport } from './format-report.ts'
export type { Check, Finding, Report, TopicReport } from './report.ts'
export type {
  Expectation,
  Representation,
  Requirement,
  RequirementRequest,
} from './requirements/requirement.ts'
export { requirementsFor } from './requirements/table.ts'
