// What every response must be: the table of the doctor, for the representation that every
// server here serves, and what is settled beyond it.

import { type Expectation, type Requirement, requirementsFor } from '@range-serve/doctor'

/** The representation that every server of the table serves. */
export const representation = {
  length: 10_000,
  type: 'application/octet-stream',
  etag: '"v1"',
  lastModified: new Date('2025-01-01T10:00:00Z'),
  cacheControl: 'public, max-age=60',
} as const

const { type, etag, cacheControl } = representation
const lastModified = representation.lastModified.toUTCString()

/** The fields that our responses have beyond what the RFC asks of any, by status. */
const fieldsOfStatus: Readonly<Record<number, Expectation['fields']>> = {
  304: { ETag: etag, 'Content-Type': null, 'Content-Length': null },
  412: { 'Content-Type': null, ETag: null, 'Content-Length': '0', Vary: /origin/i },
  416: {
    'Content-Length': '0',
    'Content-Type': null,
    'Cache-Control': null,
    ETag: null,
    'Last-Modified': null,
    'Access-Control-Allow-Origin': '*',
    Vary: /origin/i,
  },
}

/** The same, by requirement. */
const fieldsOf: Readonly<Record<string, Expectation['fields']>> = {
  'accept-ranges': {
    'Content-Length': '10000',
    'Cache-Control': cacheControl,
    ETag: etag,
    'Last-Modified': lastModified,
  },
  head: { 'Accept-Ranges': 'bytes', 'Content-Type': type, ETag: etag },
  'range-fields': {
    ETag: etag,
    'Last-Modified': lastModified,
    Vary: /origin/i,
    'Cache-Control': /^public, max-age=60, no-transform$/,
    'Access-Control-Allow-Origin': '*',
    Date: /GMT$/,
  },
}

function withOurFields({ id, expect, ...requirement }: Requirement): Requirement {
  const isPart = typeof expect.content === 'object' && expect.content.length === 1
  const fields = {
    ...expect.fields,
    ...(isPart ? { 'Content-Type': type, 'Accept-Ranges': 'bytes' } : {}),
    ...fieldsOfStatus[expect.status],
    ...fieldsOf[id],
  }
  return { ...requirement, id, expect: { ...expect, fields } }
}

/** The requirements on methods that are not safe to send to any server. */
const onOtherMethods = (['POST', 'OPTIONS'] as const).map((method): Requirement => ({
  id: `range-${method.toLowerCase()}`,
  level: 'MUST',
  section: '14.2',
  says: `ignore Range in ${method === 'POST' ? 'a' : 'an'} ${method}`,
  request: { method, headers: [['Range', 'bytes=0-4']] },
  expect: { status: 200, content: 'whole', fields: { 'Content-Range': null } },
}))

export const requirements: readonly Requirement[] = [
  ...requirementsFor(representation).map(withOurFields),
  ...onOtherMethods,
]

/** The requirements on HEAD, each not met for one reason. */
export const toHead = (reason: string): Record<string, string> =>
  Object.fromEntries(
    requirements.filter(({ request }) => request.method === 'HEAD').map(({ id }) => [id, reason]),
  )
