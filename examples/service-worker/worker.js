// Responds to the ranges that a player requests of a file that is kept in the browser.

import { toResponse } from '@range-serve/core/fetch'

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url)
  if (pathname.startsWith('/kept/')) event.respondWith(respond(event.request))
})

async function respond(request) {
  const kept = await caches.match(request.url)
  return kept ? toResponse(request, kept.blob()) : new Response(null, { status: 404 })
}
