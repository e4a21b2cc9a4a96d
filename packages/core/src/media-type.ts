// Media types by file name, and the short forms that the option `type` takes.

/** Returns the media type of an extension with its dot. */
type TypeTable = (extension: string) => string | undefined

let table: TypeTable = () => undefined

/** Declares the types of extensions: the table is large, so that only code for files loads it. */
export function declareTypes(types: TypeTable): void {
  table = types
}

/** The media type for a file name, with its charset; `undefined` if its extension is not known. */
export function typeOf(fileName: string): string | undefined {
  const [, extension] = /[^/](\.[^./]+)\/*$/.exec(fileName) ?? []
  return extension === undefined ? undefined : table(extension)
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
  return table(type.startsWith('.') ? type : `.${type}`)
}
