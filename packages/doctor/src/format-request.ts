import type { RequirementRequest } from './requirements/requirement.ts'

/** A request in a few words. */
export function formatRequest({ method, headers = [] }: RequirementRequest): string {
  const fields = headers.map(([name, value]) => `${name}: ${shorten(value)}`).join(', ')
  if (method === 'HEAD') return fields === '' ? 'HEAD' : `HEAD with ${fields}`
  return fields === '' ? 'GET' : fields
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text)
