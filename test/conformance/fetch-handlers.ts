// The representation behind `fetch` handlers, which run on any runtime: nothing here needs a test
// runner.

import { type SendOptions, type Servable, toResponse } from '@range-serve/core'
import {
  fromBlob,
  fromBuffer,
  fromReader,
  fromStream,
  type ServableBytes,
  toResponse as toResponseOfBytes,
} from '@range-serve/core/fetch'
import { representation } from './requirements.ts'

const { length, type, etag, lastModified, cacheControl } = representation
const bytes = Uint8Array.from({ length }, (_, i) => i % 251)

const options: SendOptions = {
  type,
  etag,
  lastModified,
  cacheControl,
  headers: { Vary: 'Origin', 'Access-Control-Allow-Origin': '*' },
}

/** Sources without a file system, by name: a new one for each response. */
const sources: Record<string, () => ServableBytes> = {
  'a Uint8Array': () => bytes,
  'a Blob': () => fromBlob(new Blob([bytes])),
  'a buffer': () => fromBuffer(bytes),
  'a web stream': () => fromStream(new Blob([bytes]).stream(), { length }),
  fromReader: () =>
    fromReader({
      length,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
  'fromReader in small reads': () =>
    fromReader({
      length,
      maxRead: 1000,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
}

export type FetchHandler = (request: Request) => Promise<Response>

/** The handlers, by the name of their entry and source. */
export function handlers(file: Servable): Readonly<Record<string, FetchHandler>> {
  const all: Record<string, FetchHandler> = {
    'core, a path': (request) => toResponse(request, file, options),
  }
  for (const [name, make] of Object.entries(sources)) {
    all[`core, ${name}`] = (request) => toResponse(request, make(), options)
    all[`core/fetch, ${name}`] = (request) => toResponseOfBytes(request, make(), options)
  }
  return all
}

/** Sources that end early, each of 1,000,000 bytes. */
export const faulty: Readonly<Record<string, FetchHandler>> = {
  'a source that fails': (request) => toResponseOfBytes(request, early(new Error('disk'))),
  'a source that runs short': (request) => toResponseOfBytes(request, early()),
}

function early(error?: Error): ServableBytes {
  return fromReader({
    length: 1_000_000,
    read: async function* () {
      yield new Uint8Array(200_000)
      // So that some of it has been sent.
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (error) throw error
    },
  })
}
