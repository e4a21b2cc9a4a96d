// The validators of a file (RFC 9110 §8.8): the same by its path, by a FileHandle and by a stream.

import type fs from 'node:fs'
import type { FileStats } from './file-stats.ts'

/** What the stats of a file say about the version of its content. */
export interface FileVersion {
  readonly stats: FileStats
  readonly etag: string
  readonly lastModified: Date | undefined
  /** The ctime, until which `lastModified` could hide another change. */
  readonly lastChanged: Date
}

/**
 * npm packs every file with this mtime, in nanoseconds since the epoch. Nix writes 1, reproducible
 * archives 0 or 1980: an mtime up to this one does not tell when a file was modified.
 */
const lastMeaninglessMtimeNs = BigInt(Date.UTC(1985, 9, 26, 8, 15)) * 1_000_000n

/**
 * Makes the validators of a file from its stats.
 *
 * The entity-tag is the size and the mtime in nanoseconds: strong, and the same on every machine that
 * has the same file. Two builds can share a size and a meaningless mtime, so the ctime and the inode
 * replace it there: two files written in one tick of the clock share a ctime too.
 *
 * @param settled whether every later change is certain to change the stats. Otherwise the tag is
 *   weak, and its opaque text is never that of a strong tag: a cache that compares weakly must not
 *   take the current bytes for those of the settled file.
 */
export function versionOf(stats: fs.BigIntStats, settled: boolean): FileVersion {
  const { size, mtimeNs, ctimeNs, ino } = stats
  const isMeaningless = hasMeaninglessMtime(stats)
  const state = isMeaningless
    ? `${size.toString(36)}-c${ctimeNs.toString(36)}-${ino.toString(36)}`
    : `${size.toString(36)}-${mtimeNs.toString(36)}`
  return {
    stats: toFileStats(stats),
    etag: settled ? `"${state}"` : `W/"${state}-w${ctimeNs.toString(36)}"`,
    lastModified: isMeaningless ? undefined : stats.mtime,
    lastChanged: stats.ctime,
  }
}

/**
 * Whether two results of `stat` are of the same version, as its entity-tag tells versions apart.
 */
export function isSameVersion(
  one: Pick<FileStats, 'mtimeNs' | 'ctimeNs'> & { readonly size: number | bigint },
  other: Pick<FileStats, 'mtimeNs' | 'ctimeNs'> & { readonly size: number | bigint },
): boolean {
  return (
    Number(one.size) === Number(other.size) &&
    one.mtimeNs === other.mtimeNs &&
    (!hasMeaninglessMtime(one) || one.ctimeNs === other.ctimeNs)
  )
}

function hasMeaninglessMtime({ mtimeNs }: { readonly mtimeNs: bigint }): boolean {
  return mtimeNs <= lastMeaninglessMtimeNs
}

/** With numbers for `size` and `ino`, as in `fs.Stats`: the `etag` package accepts nothing else. */
export function toFileStats(stats: fs.BigIntStats): FileStats {
  const { mtime, mtimeNs, ctime, ctimeNs, birthtime } = stats
  const [size, ino] = [Number(stats.size), Number(stats.ino)]
  return { size, mtime, mtimeNs, ctime, ctimeNs, ino, birthtime }
}
