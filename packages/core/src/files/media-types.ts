// The media types of file names.

import mimeTypes from 'mime-types'
import { declareTypes, typeOf } from '../media-type.ts'

declareTypes((extension) => mimeTypes.contentType(extension) || undefined)

export { typeOf }
