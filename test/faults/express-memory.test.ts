// What is kept of a response that is over: nothing.

import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { RequestHandler } from 'express'
import { expect, it } from 'vitest'
import { rangeServe } from '@range-serve/express'
import { startExpress5 } from '../support/express-apps.ts'
import { ask, type RawRequest } from '../support/raw.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const send: RequestHandler = (_request, response) => void response.send('text')
const rows: [what: string, handler: RequestHandler, request: RawRequest][] = [
  ['GET', send, {}],
  ['HEAD', send, { method: 'HEAD' }],
  ['POST', send, { method: 'POST' }],
  ['a condition', send, { headers: [['If-None-Match', '"v0"']] }],
  ['a range', send, { headers: [['Range', 'bytes=0-1']] }],
  ['a stream', (_request, response) => void Readable.from(['text']).pipe(response), {}],
  [
    'a response that is listened to',
    (_request, response) => void response.on('finish', () => {}).send('text'),
    {},
  ],
]

it.each(rows)('after %s the request can be collected', async (_what, handler, request) => {
  const requests: WeakRef<object>[] = []
  const note: RequestHandler = (each, _response, next) => {
    requests.push(new WeakRef(each))
    next()
  }
  const running = await startExpress5(rangeServe(), note, handler)
  for (let i = 0; i < 20; i++) await ask(running.port, request).catch(() => {})
  await expect
    .poll(
      () => {
        collect()
        return requests.filter((each) => each.deref() !== undefined).length
      },
      { timeout: 10_000 },
    )
    // Node keeps the last one for a while.
    .toBeLessThan(3)
  expect(requests).toHaveLength(20)
  await running.close()
})
