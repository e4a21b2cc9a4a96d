// The requests to a server, and whether its responses are right to the byte.

import http from 'node:http'
import { contentAt, files, json, KiB, MiB } from './fixture.mjs'

/**
 * @typedef {object} Ask
 * @property {Record<string, string>} headers
 * @property {number} status
 * @property {[first: number, last: number][]} [parts] the ranges it must hold; default: those it
 *   claims
 * @property {number} [content] its Content-Length, if that is the same for every server
 */

/** Numbers in [0, 1), the same in every run (mulberry32). */
function makeRandom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function askRanges(ranges) {
  const specs = ranges.map(([first, last]) => `${first}-${last}`)
  const content = ranges.length === 1 ? ranges[0][1] - ranges[0][0] + 1 : -1
  return { headers: { Range: `bytes=${specs.join(',')}` }, status: 206, parts: ranges, content }
}

/** One range from each of `count` random places. */
export const randomRanges =
  (length, count = 2048) =>
  ({ file }) => {
    const random = makeRandom(length)
    const places = files[file].length - length + 1
    return Array.from({ length: count }, () => {
      const first = Math.floor(random() * places)
      return askRanges([[first, first + length - 1]])
    })
  }

export const oneRange =
  (first, length) =>
  ({ file }) => {
    const from = first < 0 ? files[file].length + first : first
    return [askRanges([[from, from + length - 1]])]
  }

/** `count` random ranges in each request, ascending, one in each stretch of the file. */
export const manyRanges =
  (count, length) =>
  ({ file }) => {
    const random = makeRandom(count)
    const stretch = Math.floor(files[file].length / count)
    return Array.from({ length: 512 }, () =>
      askRanges(
        Array.from({ length: count }, (_, i) => {
          const first = i * stretch + Math.floor(random() * (stretch - length - KiB))
          return [first, first + length - 1]
        }),
      ),
    )
  }

/** Bytes at even distances: a part each, until there are too many; then the response is full. */
export const bytesApart =
  (count) =>
  ({ file }) => {
    const apart = Math.floor(files[file].length / count)
    const ask = askRanges(Array.from({ length: count }, (_, i) => [i * apart, i * apart]))
    return [{ ...ask, status: count > 100 ? 200 : 206, parts: undefined, content: -1 }]
  }

/** Ranges that all overlap: one part, whatever their number. */
export const overlapping = (count) => () => {
  const ask = askRanges(Array.from({ length: count }, (_, i) => [i % 100, 199]))
  return [{ ...ask, parts: [[0, 199]], content: 200 }]
}

export const whole = ({ file }) => {
  const { length } = files[file]
  return [{ headers: {}, status: 200, parts: [[0, length - 1]], content: length }]
}

/** A request with the entity-tag that the server itself sent. */
export const notModified = async ({ url, port }) => {
  const { response } = await get(port, url, { Range: 'bytes=0-0' })
  const { etag } = response.headers
  if (etag === undefined) throw new Error('The answer has no ETag to ask with')
  return [{ headers: { 'If-None-Match': etag }, status: 304, parts: [], content: 0 }]
}

/** A response that is not a file: the same text from every server. */
export const text = (expected) => () => [
  { headers: {}, status: 200, text: expected, content: expected.length },
]
export const jsonText = JSON.stringify(json)

/** The requests as the load generator reads them. */
export function formatRequests(asks, url) {
  const lines = asks.map(({ headers, status, content }) => {
    const fields = Object.entries({
      Host: 'localhost',
      'User-Agent': 'bench',
      Accept: '*/*',
      ...headers,
    })
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const request = `GET ${url} HTTP/1.1\r\n${head}\r\n`
    return `${request.length} ${status} ${content}\n${request}`
  })
  return lines.join('')
}

/** Sends a request, and throws if the response's status, Content-Range or any byte is wrong. */
export async function verify(port, url, file, ask) {
  const { response, body } = await get(port, url, ask.headers, ask.parts, file)
  const { statusCode, headers } = response
  expect('status', statusCode, ask.status)
  if (ask.text !== undefined) return expect('content', String(body), ask.text)
  if (statusCode === 304) return expect('length', body.length, 0)

  const contentType = String(headers['content-type'])
  const parts = contentType.startsWith('multipart/byteranges')
    ? readParts(body, contentType)
    : [{ contentRange: headers['content-range'], content: body }]
  const ranges = parts.map(({ contentRange, content }) => {
    const { length } = files[file]
    const [first, last] =
      statusCode === 200 ? [0, length - 1] : parseContentRange(contentRange, length)
    const size = Buffer.isBuffer(content) ? content.length : content.checked
    expect('length', size, last - first + 1)
    if (Buffer.isBuffer(content) && !content.equals(contentAt(file, first, size))) {
      throw new Error(`The bytes of ${contentRange ?? 'the whole'} are not the file's`)
    }
    return [first, last]
  })
  if (ask.parts) expect('ranges', JSON.stringify(ranges), JSON.stringify(ask.parts))
}

function expect(what, got, wanted) {
  if (got !== wanted) throw new Error(`Wrong ${what}: ${got} where ${wanted} was due`)
}

function parseContentRange(field, length) {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(field ?? '')
  if (!match || Number(match[3]) !== length) throw new Error(`Wrong Content-Range: ${field}`)
  return [Number(match[1]), Number(match[2])]
}

/** Content of up to 4 MiB is returned; of more, each byte is compared as it passes. */
function get(port, url, headers, parts, file) {
  const compared =
    parts?.length === 1 && parts[0][1] - parts[0][0] >= 4 * MiB ? parts[0] : undefined
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: url, headers, agent: false, timeout: 20_000 }
    const request = http.get(options, (response) => {
      const chunks = []
      let checked = 0
      response.on('data', (chunk) => {
        if (!compared) return chunks.push(chunk)
        if (!chunk.equals(contentAt(file, compared[0] + checked, chunk.length))) {
          response.destroy(new Error(`Wrong bytes near ${compared[0] + checked}`))
        }
        checked += chunk.length
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ response, body: compared ? { checked } : Buffer.concat(chunks) }),
      )
    })
    request.on('timeout', () => request.destroy(new Error('No answer in 20 s')))
    request.on('error', reject)
  })
}

function readParts(body, contentType) {
  const boundary = /boundary="?([^";]+)/.exec(contentType)[1]
  const parts = []
  for (let at = body.indexOf(`--${boundary}\r\n`); at >= 0;) {
    const head = body.indexOf('\r\n\r\n', at)
    const next = body.indexOf(`\r\n--${boundary}`, head)
    if (head < 0 || next < 0) throw new Error('The multipart framing is broken')
    const contentRange = /\r\ncontent-range: ([^\r]*)/i.exec(body.toString('latin1', at, head))?.[1]
    parts.push({ contentRange, content: body.subarray(head + 4, next) })
    at = body.subarray(next + 2).indexOf(`--${boundary}\r\n`) < 0 ? -1 : next + 2
  }
  return parts
}
