// The files that are served, and their content.

import fs from 'node:fs'
import path from 'node:path'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

/** Name → length. A sparse file holds zeros, any other the bytes of {@link contentAt}. */
export const files = {
  'big.bin': { length: GiB },
  'middle.bin': { length: 16 * MiB },
  'small.bin': { length: 4 * KiB },
  'ranges.bin': { length: MiB },
  'sparse-1KiB.bin': { length: KiB, sparse: true },
  'sparse-64KiB.bin': { length: 64 * KiB, sparse: true },
  'sparse-1MiB.bin': { length: MiB, sparse: true },
  'sparse-1GiB.bin': { length: GiB, sparse: true },
  'sparse-1TiB.bin': { length: TiB, sparse: true },
}

/** Older than the two seconds in which a second write could hide, so entity-tags are strong. */
const modified = new Date('2026-01-02T03:04:05Z')

/** Whether the file could be created: not every file system accepts a sparse TiB. */
export function makeFile(folder, name) {
  const { length, sparse } = files[name]
  const file = path.join(folder, name)
  if (fs.existsSync(file)) return true
  const fd = fs.openSync(file, 'w')
  try {
    if (sparse) fs.ftruncateSync(fd, length)
    for (let at = sparse ? length : 0; at < length; at += 8 * MiB) {
      fs.writeSync(fd, contentAt(name, at, Math.min(8 * MiB, length - at)))
    }
    fs.futimesSync(fd, modified, modified)
    return true
  } catch (error) {
    fs.rmSync(file)
    if (sparse) return false
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * The bytes of a file from a position on. Each aligned word of four is its own index times an odd
 * constant: no two of the first 2^32 are equal, so bytes from the wrong place always show.
 */
export function contentAt(name, position, length) {
  if (files[name].sparse) return Buffer.alloc(length)
  const firstWord = Math.floor(position / 4)
  const words = new Uint32Array(Math.ceil((position + length) / 4) - firstWord)
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(firstWord + i, 0x9e3779b1)
  return Buffer.from(words.buffer, position - 4 * firstWord, length)
}

/** The response of the JSON handlers: 1 KiB. */
export const json = {
  items: Array.from({ length: 26 }, (_, id) => ({ id, name: `item ${id}`, ok: true })),
}
