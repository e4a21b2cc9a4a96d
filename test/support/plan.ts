// What the tests of `planResponse` share: a representation, and plans as plain values.

import { planResponse, type ResponsePlan } from '../../packages/core/src/semantics/plan.ts'
import type { PlanOptions } from '../../packages/core/src/semantics/plan-options.ts'
import type { Representation } from '../../packages/core/src/semantics/representation.ts'
import { isRange } from '../../packages/core/src/semantics/segments.ts'

export const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251)
export const modified = 'Tue, 03 Nov 2026 12:00:00 GMT'
export const now = Date.parse('2026-11-23T12:00:00Z')
export const boundary = () => 'THIS_SEPARATES'
export const clip: Representation = {
  length: 10_000,
  type: 'video/mp4',
  etag: '"v1"',
  lastModified: new Date(modified),
}
export const validators = { ETag: '"v1"', 'Last-Modified': modified }
export const whole = {
  status: 200,
  headers: {
    'Accept-Ranges': 'bytes',
    ...validators,
    'Content-Type': 'video/mp4',
    'Content-Length': '10000',
  },
  body: ['0-9999'],
}
export const unsatisfiable = {
  status: 416,
  headers: {
    'Accept-Ranges': 'bytes',
    'Content-Range': 'bytes */10000',
    'Content-Length': '0',
  },
  body: [],
}
export const notModified = {
  status: 304,
  headers: { 'Accept-Ranges': 'bytes', ...validators },
  body: [],
}

export function part(firstPos: number, lastPos: number) {
  return {
    status: 206,
    headers: {
      'Accept-Ranges': 'bytes',
      ...validators,
      'Cache-Control': 'no-transform',
      'Content-Type': 'video/mp4',
      'Content-Range': `bytes ${firstPos}-${lastPos}/10000`,
      'Content-Length': String(lastPos - firstPos + 1),
    },
    body: [`${firstPos}-${lastPos}`],
  }
}

export type Fields = Record<string, string | string[]>

/** A plan for the clip; its body is shown as the ranges in it. */
export function plan(
  headers: Fields,
  { method = 'GET', ...options }: PlanOptions & { method?: string } = {},
  representation = clip,
) {
  return shown(planResponse({ method, headers }, representation, { now, boundary, ...options }))
}

export function shown({ status, headers, body }: ResponsePlan) {
  const ranges = body.filter(isRange).map(({ firstPos, lastPos }) => `${firstPos}-${lastPos}`)
  return { status, headers, body: ranges }
}
