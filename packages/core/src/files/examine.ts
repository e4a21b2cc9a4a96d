import type fs from 'node:fs'
import { type SourceError, sourceError } from '../errors.ts'
import { settle, type Settled } from './settle.ts'
import { isUnsized, readUnsized } from './unsized.ts'

/** The result of examining an open file. */
export interface Examined extends Settled {
  /** The content of a file whose size is not its length. */
  readonly content: Buffer | undefined
}

/**
 * Examines an open file until it has settled, in the same way for every kind of opening.
 *
 * @param name the path, for errors
 * @param look an `fstat` of it
 * @throws SourceError 404 `ERR_NOT_A_FILE`
 */
export async function examine(
  fd: number,
  name: string,
  look: () => Promise<fs.BigIntStats>,
): Promise<Examined> {
  const settled = await settle(look)
  const { stats } = settled
  if (!stats.isFile()) throw notAFile(name)
  const content = (await isUnsized(fd, stats)) ? await readUnsized(fd, name) : undefined
  return { ...settled, content }
}

export function notAFile(name: string): SourceError {
  return sourceError(404, 'ERR_NOT_A_FILE', 'Only a regular file can be served', { path: name })
}
