// A reader of multipart/byteranges as clients write it: tolerant of a preamble.

import type { Positions } from './requirements/requirement.ts'

export interface Part {
  readonly positions: Positions
  readonly completeLength: number
  readonly content: Buffer
}

/** Parses a Content-Range of a satisfied range; `undefined` if it has another form. */
export function parseContentRange(
  text: string | undefined,
): { readonly positions: Positions; readonly completeLength: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(text ?? '')
  if (!match) return undefined
  return { positions: [Number(match[1]), Number(match[2])], completeLength: Number(match[3]) }
}

/** Splits multipart content into its parts, or says why it cannot. */
export function parseByteranges(contentType: string, content: Buffer): readonly Part[] | string {
  const [, quoted, token] = /boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? token
  if (boundary === undefined) return 'Content-Type has no boundary'
  const text = content.toString('latin1')
  const delimiter = `--${boundary}`
  let position = text.startsWith(delimiter) ? 0 : text.indexOf(`\r\n${delimiter}`) + 2
  if (position === 1) return 'the boundary is not in the content'
  const parts: Part[] = []
  for (;;) {
    position += delimiter.length
    if (text.startsWith('--', position)) return parts
    const headEnd = text.indexOf('\r\n\r\n', position)
    const next = text.indexOf(`\r\n${delimiter}`, headEnd + 4)
    if (headEnd < 0 || next < 0) return 'the last part has no closing boundary'
    const head = text.slice(position, headEnd)
    const found = parseContentRange(/\r\ncontent-range:[ \t]*([^\r]*)/i.exec(head)?.[1]?.trim())
    if (!found) return 'a part has no Content-Range'
    parts.push({ ...found, content: content.subarray(headEnd + 4, next) })
    position = next + 2
  }
}
