// Files whose size is not their length: those of /proc and /sys, which the kernel writes as they are read.

import fs from 'node:fs'
import { promisify } from 'node:util'
import { sourceError } from '../errors.ts'

const read = promisify(fs.read)
const fstat = promisify(fs.fstat)
const statfs = promisify(fs.statfs)

/** A file of /sys claims one page, which has up to 64 KiB. */
const largestPage = 65_536n
/** More than all but a few files of /proc hold. */
const maxLength = 1024 * 1024

/** Linux's file systems whose files are written as they are read: proc, sysfs, debugfs, tracefs, cgroup, cgroup2, securityfs, configfs. */
const synthetic: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0x62656570,
])

/**
 * Whether the size of a regular file is not its length, or is so only by chance: an empty file of
 * /proc may have content a moment later, without a change of its stats.
 *
 * Only files without a block on disk are examined: those that are empty, sparse or written as they
 * are read.
 */
export async function isUnsized(fd: number, { size, blocks }: fs.BigIntStats): Promise<boolean> {
  if (blocks !== 0n || size > largestPage) return false
  if (await isSynthetic(fd)) return true
  const position = size === 0n ? 0 : Number(size) - 1
  // An error is not the end of a file. If the file has a size, its response gets the error too.
  const { bytesRead } = await read(fd, Buffer.alloc(1), 0, 1, position).catch(() => ({
    bytesRead: 1,
  }))
  if (bytesRead === (size === 0n ? 0 : 1)) return false
  // An ordinary file may have grown or been truncated since it was examined.
  return (await fstat(fd)).size === Number(size)
}

/** Unknown without /proc; only reading tells then. */
async function isSynthetic(fd: number): Promise<boolean> {
  const { type } = await statfs(`/proc/self/fd/${fd}`).catch(() => ({ type: 0 }))
  return synthetic.has(type)
}

/**
 * Reads the content of a file whose size is not its length.
 *
 * A response needs the length before the first byte, and two reads of such a file are two versions.
 * So all of it is read into memory, once for each examination of the path, and sent without
 * validators.
 *
 * @throws SourceError 404 `ERR_NOT_A_FILE`, for more than 1 MiB or content that cannot be read:
 *   like a device, it has no known length
 */
export async function readUnsized(fd: number, filePath: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  let cause: unknown
  try {
    while (length <= maxLength) {
      const piece = Buffer.allocUnsafeSlow(65_536)
      const { bytesRead } = await read(fd, piece, 0, piece.length, length)
      if (bytesRead === 0) return Buffer.concat(pieces, length)
      pieces.push(piece.subarray(0, bytesRead))
      length += bytesRead
    }
  } catch (error) {
    cause = error
  }
  throw sourceError(404, 'ERR_NOT_A_FILE', 'The file has no known length', {
    path: filePath,
    cause,
  })
}
