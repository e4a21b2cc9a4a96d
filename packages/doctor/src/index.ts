export type {
  Expectation,
  Representation,
  Requirement,
  RequirementRequest,
} from './requirements/requirement.ts'
export { requirementsFor } from './requirements/table.ts'
