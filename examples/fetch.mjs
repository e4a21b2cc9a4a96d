// A bare fetch handler, on the server of each runtime: node, bun or deno run fetch.mjs.

import process from 'node:process'
import { serve } from '@hono/node-server'
import { toResponse } from '@range-serve/core'
import { media } from './media.mjs'

async function fetch(request) {
  const { pathname } = new URL(request.url)
  if (!pathname.startsWith('/media/')) return new Response(null, { status: 404 })
  try {
    return await toResponse(request, pathname.slice('/media/'.length), { root: media })
  } catch (error) {
    return new Response(null, { status: error.status ?? 500 })
  }
}

const port = Number(process.env.PORT ?? 3000)
const told = ({ port: free }) => console.log(`http://localhost:${free}/media/dive.webm`)

if (globalThis.Deno) Deno.serve({ port, onListen: told }, fetch)
else if (globalThis.Bun) told(Bun.serve({ port, fetch }))
else serve({ port, fetch }, told)
