// A service worker, compiled without the types of Node; nothing runs it.

import { fromBlob, fromReader, fromStream, type Source, toResponse } from '@range-serve/core/fetch'

interface FetchEvent extends Event {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

const blob = new Blob(['bytes'], { type: 'video/mp4' })
const source: Source = fromReader({
  length: 10,
  read: async ({ firstPos, lastPos }, { signal }) => {
    const headers = { Range: `bytes=${firstPos}-${lastPos}` }
    const response = await fetch('/upstream', { headers, signal })
    return new Uint8Array(await response.arrayBuffer())
  },
})
export const sources = [source, fromBlob(blob), fromStream(blob.stream(), { length: blob.size })]

self.addEventListener('fetch', (event) => {
  const { request } = event as FetchEvent
  ;(event as FetchEvent).respondWith(toResponse(request, blob, { etag: true }))
})
