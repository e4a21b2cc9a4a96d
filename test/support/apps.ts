// What the applications of Express and of Koa have in common, for tests with other middleware.

import type { Running } from './listen.ts'

export interface App extends Running {
  /** The errors that the framework's error handling got. */
  readonly errors: unknown[]
}
export type StartApp<Use> = (...uses: Use[]) => Promise<App>
export type Apps<Use> = readonly (readonly [name: string, start: StartApp<Use>])[]
