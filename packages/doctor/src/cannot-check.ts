/** Why nothing can be said of a URL, or of one requirement: a sentence without its subject. */
export class CannotCheck extends Error {
  override readonly name = 'CannotCheck'
  readonly code = 'ERR_CANNOT_CHECK'
}

/** What was thrown, in words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
