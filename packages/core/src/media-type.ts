// Media types by file name, and the short forms that the option `type` takes.

import path from 'node:path'
import mimeTypes from 'mime-types'

/** The media type for a file name, with its charset; `undefined` if its extension is not known. */
export function typeOf(fileName: string): string | undefined {
  return mimeTypes.contentType(path.extname(fileName)) || undefined
}

/** `type "/" subtype`, with optional parameters (RFC 9110 §8.3.1). */
const mediaType = /^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+[\t ]*(?:;|$)/

/**
 * The media type that an option stands for: a full type unchanged, an extension (`'mp4'`, `'.mp4'`)
 * with its charset, as in `res.type`. `undefined` for any other text.
 */
export function expandType(type: string): string | undefined {
  if (type.includes('/')) return mediaType.test(type) ? type : undefined
  if (!/^\.?[\w+-]+$/.test(type)) return undefined
  return mimeTypes.contentType(type.startsWith('.') ? type : `.${type}`) || undefined
}
