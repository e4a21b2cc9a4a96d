import path from 'node:path'
import mimeTypes from 'mime-types'

/** The media type for a file name, with its charset; `undefined` if its extension is not known. */
export function typeOf(fileName: string): string | undefined {
  return mimeTypes.contentType(path.extname(fileName)) || undefined
}
