/**
 * The argument of an `etag` function: the members of `fs.Stats` and `fs.BigIntStats` that tell
 * versions apart.
 */
export interface FileStats {
  /** In bytes. */
  readonly size: number
  readonly mtime: Date
  readonly mtimeNs: bigint
  /** When the file or its metadata last changed. Unlike `mtime`, no program can set it. */
  readonly ctime: Date
  readonly ctimeNs: bigint
  /** The inode number, unique within its file system. */
  readonly ino: number
  readonly birthtime: Date
}
