// Reads of a source of 1000 bytes. An unhandled rejection, which would end a process, fails its test.

import { afterEach, beforeEach, expect } from 'vitest'
import type { Source } from '../../packages/core/src/sources/source.ts'

export const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))
export const unaborted = new AbortController().signal
export type Read = Source['read']

/** Unhandled rejections: each would end a server's process. */
export let unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
})

afterEach(async () => {
  await turn()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

export async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = []
  for await (const chunk of chunks) got.push(chunk)
  return Buffer.concat(got)
}

/**
 * Two turns of the event loop: pending work has completed, and unhandled rejections have been
 * reported.
 */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}
