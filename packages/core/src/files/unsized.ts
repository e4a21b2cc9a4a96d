// Files whose size is not their length: those of /proc and /sys, which the kernel writes as they are read.

import fs from 'node:fs'
import { promisify } from 'node:util'
import { sourceError } from '../errors.ts'

const read = promisify(fs.read)
const fstat = promisify(fs.fstat)

/** Files of /sys claim one page, which has up to 64 KiB. */
const largestPage = 65_536n
/** More of /proc than all but a few files hold. */
const maxLength = 1024 * 1024

/**
 * Whether a regular file ends elsewhere than its size says.
 *
 * Only files without a block on disk are read to find out, which are empty, sparse or made up.
 */
export async function isUnsized(fd: number, { size, blocks }: fs.BigIntStats): Promise<boolean> {
  if (blocks !== 0n || size > largestPage) return false
  const position = size === 0n ? 0 : Number(size) - 1
  // Some of /proc cannot be read at all. Whatever has no size is then no empty file.
  const { bytesRead } = await read(fd, Buffer.alloc(1), 0, 1, position).catch(() => ({
    bytesRead: size === 0n ? -1 : 1,
  }))
  const agrees = size === 0n ? bytesRead === 0 : bytesRead === 1
  if (agrees) return false
  // An ordinary file may have grown or been truncated since it was looked at.
  return (await fstat(fd)).size === Number(size)
}

/**
 * Reads the content of a file whose size is not its length.
 *
 * A response needs the length before the first byte, and two reads of such a file are two versions.
 * So all of it is read into memory, once for each look at the path, and sent without validators.
 *
 * @throws SourceError 404 `ERR_NOT_A_FILE`, for more than 1 MiB or what cannot be read: like a
 *   device, it has no length that could be told
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
