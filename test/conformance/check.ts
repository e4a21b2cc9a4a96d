// Compares a response with what a requirement expects.

import type { Expectation } from '@range-serve/doctor'
import { expect } from 'vitest'
import { parseByteranges } from '../support/multipart.ts'
import { field, type RawResponse } from '../support/raw.ts'
import { representation } from './requirements.ts'
import type { TestServer } from './server.ts'
import { bytes } from './sources.ts'

/** Fails unless a response is what a requirement expects of it. */
export function check(
  response: RawResponse,
  expected: Expectation,
  { ascending }: Pick<TestServer, 'ascending'>,
): void {
  expect(response.status).toBe(expected.status)
  for (const [name, value] of Object.entries(expected.fields ?? {})) {
    if (value === null) expect(field(response, name), name).toBeUndefined()
    else if (typeof value === 'string') expect(field(response, name), name).toBe(value)
    else expect(field(response, name), name).toMatch(value)
  }
  const { content } = expected
  if (content === 'none') {
    expect(response.content.length).toBe(0)
  } else if (content === 'whole') {
    expect(response.content.equals(bytes)).toBe(true)
  } else if (content.length === 1) {
    const [[firstPos, lastPos]] = content as [[number, number]]
    expect(response.content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
  } else {
    checkParts(response, ascending ? content.toSorted(([a], [b]) => a - b) : content)
  }
}

function checkParts(response: RawResponse, ranges: readonly (readonly [number, number])[]): void {
  const parts = parseByteranges(field(response, 'Content-Type') ?? '', response.content)
  expect(parts.map(({ firstPos, lastPos }) => [firstPos, lastPos])).toEqual(ranges)
  for (const { type, contentRange, firstPos, lastPos, content } of parts) {
    expect(type).toBe(representation.type)
    expect(contentRange).toBe(`bytes ${firstPos}-${lastPos}/${bytes.length}`)
    expect(content.equals(bytes.subarray(firstPos, lastPos + 1))).toBe(true)
  }
}
