// The response of a ceiling: bytes in memory, with the same fields as those of range-serve.

import { readFileSync, statSync } from 'node:fs'

/** Makes the function that returns the status, fields and bytes for a request. */
export function inMemory(file) {
  const content = readFileSync(file)
  const { mtime } = statSync(file)
  const etag = `"${content.length.toString(16)}-${mtime.getTime().toString(16)}"`
  const validators = ['ETag', etag, 'Last-Modified', mtime.toUTCString()]
  const always = [
    'Accept-Ranges',
    'bytes',
    ...validators,
    'Content-Type',
    'application/octet-stream',
  ]

  return (request) => {
    if (request.headers['if-none-match'] === etag) {
      return { status: 304, fields: ['Accept-Ranges', 'bytes', ...validators] }
    }
    const { range } = request.headers
    if (range === undefined) {
      const fields = [...always, 'Content-Length', String(content.length)]
      return { status: 200, fields, bytes: content }
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range)
    const bytes = content.subarray(Number(first), Number(last) + 1)
    const contentRange = `bytes ${first}-${last}/${content.length}`
    const length = String(bytes.length)
    return {
      status: 206,
      fields: [...always, 'Content-Length', length, 'Content-Range', contentRange],
      bytes,
    }
  }
}
