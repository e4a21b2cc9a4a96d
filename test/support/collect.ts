import { readRange } from '@range-serve/core/sources'
import type { Source } from '@range-serve/core'

/** The bytes of a range of a source, or all of them. */
export async function collect(
  source: Source,
  firstPos = 0,
  lastPos: number = source.length - 1,
  signal: AbortSignal = new AbortController().signal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readRange(source, { firstPos, lastPos }, signal)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
