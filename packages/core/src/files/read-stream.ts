// A file stream that other code has made: whether its file can be read at random in its place.

import fs from 'node:fs'
import { errorMonitor } from 'node:events'
import { promisify } from 'node:util'
import { fileError } from '../errors.ts'
import type { Reads } from '../options.ts'
import { declareCleanEnd } from '../sources/early-end.ts'
import type { Source } from '../sources/source.ts'
import { readPolicy } from './read-policy.ts'
import {
  descriptorOf,
  type FileStream,
  type Held,
  type HeldRead,
  internal,
  ReadStreamSource,
} from './read-stream-source.ts'
import { keepRecent, type RecentFile, recentFile } from './recent-files.ts'
import { settle, type Settled } from './settle.ts'
import { isUnsized } from './unsized.ts'
import { versionOf } from './validators.ts'

declareCleanEnd(fs.ReadStream.prototype)

const fstat = promisify(fs.fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<fs.BigIntStats>

/**
 * Makes a source of a file stream that has not been read from yet, so that it can be read at random.
 * It has the length of what the stream would give, and the validators of the file that is open, but no
 * type. `undefined` for every other stream.
 *
 * @param reads how its file is read
 * @param held if it is piped: how it is held back. Otherwise it is destroyed if a response is aborted.
 * @throws SourceError with status 403, 404, 500 or 503, if the file cannot be opened
 */
export async function fromReadStream(
  stream: unknown,
  reads: Reads = 'adaptive',
  held?: Held,
): Promise<Source | undefined> {
  if (!(stream instanceof fs.ReadStream) || !isPlain(stream, held?.read)) return undefined
  if (descriptorOf(stream) === undefined) await opened(stream, held !== undefined)
  const fd = descriptorOf(stream)
  if (fd === undefined) return undefined
  // A stream that was given a descriptor has no path.
  const path = reads === 'adaptive' && typeof stream.path === 'string' ? stream.path : undefined
  const known = path === undefined ? undefined : recentFile(path)
  const settled = await look(stream, fd, known)
  // Other code had it in hand meanwhile.
  if (!settled || !isPlain(stream, held?.read)) return undefined
  const { stats, isSettled } = settled
  const file = path !== undefined && isSettled ? keepRecent(path, stats) : undefined
  return new ReadStreamSource(stream, file?.version ?? versionOf(stats, isSettled), file, held)
}

const methods = ['read', 'push', 'unshift', 'pipe', '_read', '_construct'] as const

/**
 * Whether a stream gives the bytes of its file, all of them, and nothing else.
 *
 * @param held if it is piped: the `_read` that it may have of its own. The pipe is all that reads it.
 */
export function isPlain(stream: fs.ReadStream, held?: HeldRead): boolean {
  if (stream.destroyed || stream.readableDidRead) return false
  if ((stream.readableFlowing === true) !== (held !== undefined)) return false
  if (held && stream.listenerCount('data') !== 1) return false
  if (stream.readableEncoding !== null || stream.bytesRead > 0) return false
  // What was put back into it is held there; a listener for 'readable' is about to read it.
  if (stream.readableLength > 0 || stream.listenerCount('readable') > 0) return false
  for (const name of methods) {
    const method: unknown = Reflect.get(stream, name)
    if (method !== Reflect.get(fs.ReadStream.prototype, name) && method !== held) return false
  }
  return isPositioned(stream)
}

/**
 * Looks at the file of a stream until it has settled. `undefined` unless it is a regular file that is
 * as long as it says: what the system writes as it is read has no length.
 */
async function look(
  stream: fs.ReadStream,
  fd: number,
  known: RecentFile | undefined,
): Promise<Settled | undefined> {
  const lookQuickly = () =>
    known && readPolicy.quickly(known.device, () => fs.fstatSync(fd, { bigint: true }))
  try {
    const settled = await settle(() => lookQuickly() ?? fstat(fd, { bigint: true }))
    const { stats } = settled
    return stats.isFile() && !(await isUnsized(fd, stats)) ? settled : undefined
  } catch (error) {
    if (stream.destroyed) return undefined
    throw fileError(error, String(stream.path))
  }
}

/**
 * Whether a stream reads through `node:fs` from a known position: a descriptor without a start is read
 * from wherever it is, and a `fs` option may lead to another file system.
 */
function isPositioned(stream: fs.ReadStream): boolean {
  const { path: filePath, start }: FileStream = stream
  if (typeof filePath !== 'string' && !Buffer.isBuffer(filePath) && start === undefined)
    return false
  const fileSystem = internal(stream, 'kFs')
  return fileSystem === undefined || fileSystem === fs || internal(stream, 'kHandle') !== undefined
}

/**
 * Resolves when a stream is open, or destroyed before it was.
 *
 * @param isMonitored whether an error is for the listeners of the caller, or an uncaught exception
 */
function opened(stream: fs.ReadStream, isMonitored: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(fileError(error, String(stream.path)))
    stream.once('open', () => resolve())
    stream.once('close', () => resolve())
    if (isMonitored) stream.once(errorMonitor, onError)
    else stream.once('error', onError)
  })
}
