// Middleware that is given to a framework in a way that cannot work: an error that says what to write.

import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { describe, expect, it } from 'vitest'
import type { App } from '../support/apps.ts'
import { expressApps } from '../support/express-apps.ts'
import { koaApps } from '../support/koa-apps.ts'
import { ask } from '../support/raw.ts'

/** Middleware as a newcomer may write it, and what the error is to say. */
type Row = readonly [name: string, middleware: unknown, code: string, says: string]

const inExpress: Row[] = [
  ['rangeServe, not called', forExpress.rangeServe, 'ERR_NOT_CALLED', 'rangeServe()'],
  ['rangeStatic, not called', forExpress.rangeStatic, 'ERR_NOT_CALLED', "rangeStatic('folder')"],
  ['rangeServe of Koa', forKoa.rangeServe(), 'ERR_WRONG_FRAMEWORK', '@range-serve/express'],
  ['rangeStatic of Koa', forKoa.rangeStatic('.'), 'ERR_WRONG_FRAMEWORK', '@range-serve/express'],
]
const inKoa: Row[] = [
  ['rangeServe, not called', forKoa.rangeServe, 'ERR_NOT_CALLED', 'rangeServe()'],
  ['rangeStatic, not called', forKoa.rangeStatic, 'ERR_NOT_CALLED', "rangeStatic('folder')"],
  ['rangeServe of Express', forExpress.rangeServe(), 'ERR_WRONG_FRAMEWORK', '@range-serve/koa'],
  [
    'rangeStatic of Express',
    forExpress.rangeStatic('.'),
    'ERR_WRONG_FRAMEWORK',
    '@range-serve/koa',
  ],
]

type Framework = readonly [name: string, start: (use: never) => Promise<App>, rows: Row[]]
const frameworks: Framework[] = [
  ...expressApps.map(([name, start]) => [name, start, inExpress] as const),
  ...koaApps.map(([name, start]) => [name, start, inKoa] as const),
]
describe.each(frameworks)('%s', (_name, start, rows) => {
  it.each(rows)('names the mistake: %s', async (_title, middleware, code, says) => {
    const app = await start(middleware as never)
    try {
      expect((await ask(app.port, {})).status).toBe(500)
      expect(app.errors).toMatchObject([
        { name: 'TypeError', code, message: expect.stringContaining(says) },
      ])
    } finally {
      await app.close()
    }
  })
})
