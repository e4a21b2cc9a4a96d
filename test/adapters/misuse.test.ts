// Middleware that is given to a framework as it cannot work: an error that says what to write.

import http from 'node:http'
import express5, { type ErrorRequestHandler, type RequestHandler } from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'

let running: Running
afterEach(() => running.close())

/** Middleware as a newcomer may write it, and what the error is to say. */
type Row = readonly [name: string, middleware: unknown, code: string, says: string]

async function errorOfExpress(express: typeof express5, middleware: unknown): Promise<unknown> {
  let told: unknown
  const app = express()
  app.use(middleware as RequestHandler)
  app.use((_request, response) => void response.end('reached'))
  app.use(((error, _request, response, _next) => {
    told = error
    response.status(500).end()
  }) as ErrorRequestHandler)
  running = await listen(http.createServer(app))
  expect((await ask(running.port, {})).status).toBe(500)
  return told
}

async function errorOfKoa(Koa: typeof Koa3, middleware: unknown): Promise<unknown> {
  let told: unknown
  const app = new Koa()
  app.on('error', (error) => (told = error))
  app.use(middleware as Koa3.Middleware)
  const answer = app.callback()
  running = await listen(http.createServer((request, response) => void answer(request, response)))
  expect((await ask(running.port, {})).status).toBe(500)
  return told
}

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

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s', (_name, express) => {
  it.each(inExpress)('says what is wrong with %s', async (_title, middleware, code, says) => {
    expect(await errorOfExpress(express, middleware)).toMatchObject({
      name: 'TypeError',
      code,
      message: expect.stringContaining(says),
    })
  })
})

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('%s', (_name, Koa) => {
  it.each(inKoa)('says what is wrong with %s', async (_title, middleware, code, says) => {
    expect(await errorOfKoa(Koa, middleware)).toMatchObject({
      name: 'TypeError',
      code,
      message: expect.stringContaining(says),
    })
  })
})
