// A parser of multipart/byteranges that shares no code with the writer.

export interface Part {
  readonly type: string | undefined
  readonly contentRange: string
  readonly firstPos: number
  readonly lastPos: number
  readonly content: Buffer
}

/** Splits a multipart/byteranges body at its boundary; throws if the framing is wrong. */
export function parseByteranges(contentType: string, body: Buffer): Part[] {
  const boundary = /^multipart\/byteranges; ?boundary="?([^";]{1,70})"?$/.exec(contentType)?.[1]
  if (boundary === undefined) throw new Error(`No boundary in ${contentType}`)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  if (body.indexOf(delimiter) !== 0) throw new Error('The body does not begin with a delimiter')
  const parts: Part[] = []
  let position = delimiter.length
  for (;;) {
    if (body.toString('latin1', position, position + 2) === '--') break
    if (body.toString('latin1', position, position + 2) !== '\r\n') throw new Error('No CRLF')
    const headEnd = body.indexOf('\r\n\r\n', position)
    const next = body.indexOf(delimiter, headEnd + 4)
    if (headEnd < 0 || next < 0) throw new Error('A part does not end')
    parts.push(
      toPart(body.toString('latin1', position + 2, headEnd), body.subarray(headEnd + 4, next)),
    )
    position = next + delimiter.length
  }
  if (body.toString('latin1', position) !== '--\r\n') throw new Error('Something follows the end')
  return parts
}

function toPart(head: string, content: Buffer): Part {
  const fields = new Map(
    head.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const contentRange = fields.get('content-range') ?? ''
  const match = /^bytes (\d+)-(\d+)\/\d+$/.exec(contentRange)
  if (!match) throw new Error(`No Content-Range in ${head}`)
  const [firstPos, lastPos] = [Number(match[1]), Number(match[2])]
  return { type: fields.get('content-type'), contentRange, firstPos, lastPos, content }
}
