// The server that the table of requirements runs against, over any source.

import http from 'node:http'
import { serve, type Servable } from '@range-serve/core'
import { representation } from '../conformance/requirements.ts'
import { listen, type Running } from '../support/listen.ts'

const { type, etag, lastModified, cacheControl } = representation

/** Serves a source that has the bytes of the representation, with its metadata. */
export function startRequirementsServer(source: () => Servable): Promise<Running> {
  return listen(
    http.createServer((request, response) => {
      response.setHeader('Cache-Control', cacheControl)
      response.setHeader('Vary', 'Origin')
      response.setHeader('Access-Control-Allow-Origin', '*')
      serve(request, response, source(), { type, etag, lastModified }).catch((error: Error) =>
        response.destroy(error),
      )
    }),
  )
}
