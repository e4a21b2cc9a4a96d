// An origin for fromHttp, behind a proxy that fails as a test tells it to.

import { afterEach, expect } from 'vitest'
import { fromHttp, type HttpOptions } from '@range-serve/http'
import { pattern, until } from './fixture.ts'
import { type Stored, useOrigin } from './origin.ts'

export const bytes = pattern(400_000)
export const lastModified = new Date('2025-01-01T10:00:00Z')
export const stored: Stored = {
  bytes,
  etag: '"v1"',
  lastModified,
  cacheControl: 'private, max-age=60',
}
export const other: Stored = { ...stored, bytes: Buffer.alloc(400_000, 'b'), etag: '"v2"' }

export const origin = await useOrigin(stored)
// Every way out cancels the upstream's body.
afterEach(() => until('no response is under way', () => origin.proxy.underWay === 0, 2000))

export const open = (options: HttpOptions = {}) => fromHttp(origin.url, options)
export const code = (value: string, status: number) =>
  expect.objectContaining({ code: value, status })

/** A fetch to an origin that ignores Range. */
export const withoutRange: typeof fetch = (url, init) => {
  const headers = new Headers(init?.headers)
  headers.delete('range')
  return fetch(url, { ...init, headers })
}
