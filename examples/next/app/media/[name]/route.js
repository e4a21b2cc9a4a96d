// A route handler of Next.js, in app/media/[name]/route.js.

import { toResponse } from '@range-serve/core'

const media = process.env.MEDIA ?? '/srv/media'

export async function GET(request, { params }) {
  const { name } = await params
  try {
    return await toResponse(request, name, { root: media })
  } catch (error) {
    return new Response(null, { status: error.status ?? 500 })
  }
}

export const HEAD = (request, context) => GET(request, context)
