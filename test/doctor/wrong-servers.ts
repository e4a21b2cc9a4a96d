// Servers that are wrong in one way each, over one that is right: one list, so that a new check has
// one place for its server.

import http from 'node:http'
import { fromBuffer, respond } from '@range-serve/core'
import { pattern } from '../support/fixture.ts'

const bytes = pattern(200_000)
const lastModified = new Date('2025-01-01T10:00:00Z')
const etag = '"v1"'

/** The request as the right server sees it. */
interface Request {
  method: string
  headers: Record<string, string | string[] | undefined>
}

interface RightResponse {
  status: number
  headers: Record<string, string | string[]>
  body: Buffer
}

interface WrongServer {
  readonly name: string
  /** What the doctor must find, and nothing else: the subject and its severity. */
  readonly finds: Readonly<Record<string, 'wrong' | 'advice'>>
  /** Changes the request before the right server sees it. */
  readonly misread?: (request: Request) => void
  /** Changes the right response. */
  readonly mistake?: (response: RightResponse, request: Request) => void
}

async function respondRightly(request: Request): Promise<RightResponse> {
  const source = fromBuffer(bytes, { type: 'video/mp4', etag, lastModified })
  const options = { headers: { 'Cache-Control': 'max-age=60' } }
  const { status, headers, body } = await respond(request, source, options)
  const chunks: Buffer[] = []
  if (Buffer.isBuffer(body)) chunks.push(body)
  else if (body) for await (const chunk of body) chunks.push(chunk as Buffer)
  return { status, headers, body: Buffer.concat(chunks) }
}

export function makeServer({ misread, mistake }: Partial<WrongServer>): http.Server {
  return http.createServer((incoming, outgoing) => {
    const request = { method: incoming.method!, headers: { ...incoming.headers } }
    const original = { method: request.method, headers: { ...request.headers } }
    try {
      misread?.(request)
    } catch {
      outgoing.destroy()
      return
    }
    void respondRightly(request).then((response) => {
      mistake?.(response, original)
      const { status, headers, body } = response
      outgoing.writeHead(status, headers)
      // A body shorter than declared closes the connection.
      const declared = Number(headers['Content-Length'] ?? body.length)
      if (original.method === 'HEAD') outgoing.end()
      else if (body.length < declared) outgoing.write(body, () => outgoing.destroy())
      else outgoing.end(body)
    })
  })
}

const rangeOf = ({ headers }: Request): string => (headers['range'] as string | undefined) ?? ''
const replaceRange = (pattern: RegExp, by: string) => (request: Request) => {
  if (request.headers['range'] !== undefined) request.headers['range'] = rangeOf(request).replace(pattern, by) // prettier-ignore
}
const without =
  (...names: string[]) =>
  (request: Request) => {
    for (const name of names) delete request.headers[name]
  }
const isPart = ({ headers }: RightResponse): boolean => typeof headers['Content-Range'] === 'string'

export const wrongServers: readonly WrongServer[] = [
  {
    name: 'does not respond if compression is accepted',
    finds: { encoding: 'wrong' },
    misread: ({ headers }) => {
      if (String(headers['accept-encoding']).includes('gzip')) throw new Error('No response')
    },
  },
  {
    name: 'does not respond to several ranges',
    finds: { several: 'wrong', edges: 'wrong', unsatisfiable: 'wrong', grammar: 'wrong' },
    misread: (request) => {
      if (/,/.test(rangeOf(request))) throw new Error('No response')
    },
  },
  {
    name: 'ignores Range',
    finds: { ranges: 'wrong' },
    misread: without('range'),
  },
  {
    name: 'does not announce ranges',
    finds: { announcement: 'advice' },
    mistake: ({ headers }) => void delete headers['Accept-Ranges'],
  },
  {
    name: 'sends the first bytes, whatever was requested',
    finds: { positions: 'wrong' },
    mistake: (response) => {
      if (isPart(response)) response.body = bytes.subarray(0, response.body.length)
    },
  },
  {
    name: 'treats the last position as exclusive',
    finds: { positions: 'wrong', edges: 'wrong', grammar: 'wrong', several: 'advice', revalidation: 'wrong', resuming: 'wrong' }, // prettier-ignore
    mistake: (response) => {
      const [, first, last] = /^bytes (\d+)-(\d+)/.exec(String(response.headers['Content-Range'])) ?? [] // prettier-ignore
      if (first === undefined || first === last) return
      response.body = response.body.subarray(0, -1)
      response.headers['Content-Range'] = `bytes ${first}-${Number(last) - 1}/${bytes.length}`
      response.headers['Content-Length'] = String(response.body.length)
    },
  },
  {
    name: 'treats a suffix as a first position',
    finds: { positions: 'wrong', unsatisfiable: 'wrong', several: 'advice' },
    misread: replaceRange(/([=,]\s*)-(\d+)/g, '$10-$2'),
  },
  {
    name: 'does not send the first byte alone',
    finds: { ranges: 'wrong' },
    misread: (request) => {
      if (rangeOf(request) === 'bytes=0-0') delete request.headers['range']
    },
  },
  {
    name: 'refuses a suffix longer than the content',
    finds: { edges: 'wrong' },
    misread: replaceRange(/^bytes=-200001$/, 'bytes=200000-'),
  },
  {
    name: 'treats any unit as bytes',
    finds: { grammar: 'wrong' },
    misread: replaceRange(/^items/, 'bytes'),
  },
  {
    name: 'refuses ranges without the length',
    finds: { unsatisfiable: 'advice' },
    mistake: ({ status, headers }) => {
      if (status === 416) delete headers['Content-Range']
    },
  },
  {
    name: 'fails on ranges past the end',
    finds: { unsatisfiable: 'wrong' },
    mistake: (response) => {
      if (response.status === 416) response.status = 500
    },
  },
  {
    name: 'does not evaluate If-Range',
    finds: { versions: 'wrong' },
    misread: without('if-range'),
  },
  {
    name: 'treats every If-Range as that of another version',
    finds: { resuming: 'advice' },
    misread: (request) => {
      if (request.headers['if-range'] !== undefined) request.headers['if-range'] = '"other"'
    },
  },
  {
    name: 'has another ETag in each response',
    finds: { stability: 'wrong' },
    mistake: ({ headers }) => {
      if (headers['ETag'] !== undefined) headers['ETag'] = `"${Math.random()}"`
    },
  },
  {
    name: 'has no length for HEAD',
    finds: { head: 'advice' },
    mistake: ({ headers }, { method }) => {
      if (method === 'HEAD') delete headers['Content-Length']
    },
  },
  {
    name: 'sends ranges to HEAD',
    finds: { head: 'advice' },
    misread: (request) => {
      request.method = 'GET'
    },
  },
  {
    name: 'does not revalidate',
    finds: { revalidation: 'wrong' },
    misread: without('if-none-match', 'if-modified-since'),
  },
  {
    name: 'evaluates Range before If-None-Match',
    finds: { revalidation: 'wrong' },
    misread: (request) => {
      if (rangeOf(request) !== '') delete request.headers['if-none-match']
    },
  },
  {
    name: 'does not evaluate If-Match',
    finds: { preconditions: 'advice' },
    misread: without('if-match', 'if-unmodified-since'),
  },
  {
    name: 'has no validators',
    finds: { validators: 'advice' },
    misread: without('if-none-match', 'if-modified-since'),
    mistake: ({ headers }) => {
      delete headers['ETag']
      delete headers['Last-Modified']
    },
  },
  {
    name: 'leaves the fields of the full response out of a part',
    finds: { metadata: 'wrong' },
    mistake: ({ status, headers }) => {
      if (status !== 206) return
      for (const name of ['ETag', 'Last-Modified', 'Cache-Control']) delete headers[name]
    },
  },
  {
    name: 'marks parts of plain content as compressed',
    finds: { encoding: 'wrong' },
    mistake: ({ status, headers }, request) => {
      if (status === 206 && String(request.headers['accept-encoding']).includes('gzip')) {
        headers['Content-Encoding'] = 'gzip'
      }
    },
  },
  {
    name: 'has one ETag for compressed and plain content, and no Vary',
    finds: { encoding: 'wrong' },
    mistake: ({ status, headers }, request) => {
      if (status !== 200 || !String(request.headers['accept-encoding']).includes('gzip')) return
      headers['Content-Encoding'] = 'gzip'
      delete headers['Vary']
    },
  },
  {
    name: 'does not close the last part',
    finds: { several: 'wrong' },
    mistake: (response) => {
      if (!String(response.headers['Content-Type']).startsWith('multipart')) return
      response.body = response.body.subarray(0, -60)
      response.headers['Content-Length'] = String(response.body.length)
    },
  },
  {
    name: 'sends only the first of several ranges',
    finds: { several: 'advice' },
    misread: (request) => {
      if (rangeOf(request).includes(', ') || /\d,-?\d/.test(rangeOf(request))) replaceRange(/,.*/, '')(request) // prettier-ignore
    },
  },
  {
    name: 'breaks off after a kilobyte of a long part',
    finds: { positions: 'wrong', edges: 'wrong' },
    mistake: (response) => {
      if (response.status === 206 && response.body.length === bytes.length) response.body = response.body.subarray(0, 1000) // prettier-ignore
    },
  },
  {
    name: 'lets scripts read content but not Content-Range',
    finds: { cors: 'advice' },
    mistake: ({ headers }) => {
      headers['Access-Control-Allow-Origin'] = '*'
    },
  },
]
