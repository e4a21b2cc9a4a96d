// Files that streams have opened, each of them anew, and closed again.

import type fs from 'node:fs'
import { readPolicy } from './read-policy.ts'
import { isUnchanged } from './settle.ts'
import { type FileVersion, versionOf } from './validators.ts'

const recentMs = 1000
const maxFiles = 1024

/** A file that a stream has opened, and the state in which it was found. */
export class RecentFile {
  readonly device: number
  readonly version: FileVersion
  readonly #stats: fs.BigIntStats
  #readAt = -Infinity

  constructor(stats: fs.BigIntStats) {
    this.device = Number(stats.dev)
    this.version = versionOf(stats, true)
    this.#stats = stats
  }

  /** Whether an open file that has these stats is this one, unchanged. */
  isStill(stats: fs.BigIntStats): boolean {
    const { ino, dev } = this.#stats
    return stats.ino === ino && stats.dev === dev && isUnchanged(this.#stats, stats)
  }

  /** Notes that it has been read. */
  noteRead(): void {
    this.#readAt = performance.now()
  }

  /** Whether it was read a moment ago. */
  get isRecent(): boolean {
    return performance.now() - this.#readAt < recentMs
  }
}

/** By path. */
const files = new Map<string, RecentFile>()

/** The file that was last found at a path; it may be another one by now. */
export function recentFile(path: string): RecentFile | undefined {
  return files.get(path)
}

/** The file that has just been found at a path, and has settled. */
export function keepRecent(path: string, stats: fs.BigIntStats): RecentFile {
  void readPolicy.learn(Number(stats.dev), path)
  const known = files.get(path)
  if (known?.isStill(stats)) return known
  if (files.size >= maxFiles) files.clear()
  const file = new RecentFile(stats)
  files.set(path, file)
  return file
}
