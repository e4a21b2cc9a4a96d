// The folder that the examples serve: MEDIA, or that of the media server.

import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const media =
  process.env.MEDIA ?? fileURLToPath(new URL('media-server/media', import.meta.url))
