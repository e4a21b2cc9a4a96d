// When a file may be read synchronously.
//
// A synchronous read from the page cache saves two wake-ups of a thread; a read that waits for a
// disk makes every request wait. So, for each device:
//
// 1. Network file systems and FUSE are never read synchronously, nor is a file right after it was opened.
// 2. A read or `stat` that takes longer than `quickMs` was no page cache. The device is then read
//    asynchronously for a hundred times as long as it took, and for at least `pauseMs`.
// 3. `pauseMs` doubles with every such read, up to `maxPauseMs`, and halves after `provenReads` quick
//    ones in a row.
//
// However the disk behaves, the event loop loses at most 1 % of its time to slow reads.

/** What is known about one device. */
export class DevicePolicy {
  #resumeAt = -Infinity
  #pauseMs = firstPauseMs
  #quickReads = 0

  /** @param now in milliseconds, of a clock that never goes back */
  allowsSync(now: number): boolean {
    return now >= this.#resumeAt
  }

  /** Records a synchronous read or `stat`, which began at `startedAt` and has just ended. */
  note(startedAt: number, now: number): void {
    const duration = now - startedAt
    if (duration <= quickMs) {
      this.#quickReads++
      if (this.#quickReads < provenReads) return
      this.#quickReads = 0
      this.#pauseMs = Math.max(firstPauseMs, this.#pauseMs / 2)
      return
    }
    this.#quickReads = 0
    this.#resumeAt = now + Math.max(this.#pauseMs, duration * 100)
    this.#pauseMs = Math.min(maxPauseMs, this.#pauseMs * 2)
  }
}

/** Longer than a page cache takes for 64 KiB, shorter than a disk, in milliseconds. */
export const quickMs = 1
const firstPauseMs = 1000
const maxPauseMs = 3_600_000
/** As many quick reads in a row make up for a slow one. */
const provenReads = 1000

const policies = new Map<number, DevicePolicy>()

/** The policy of a device. */
export function policyOf(device: number): DevicePolicy {
  let policy = policies.get(device)
  if (!policy) {
    policy = new DevicePolicy()
    policies.set(device, policy)
  }
  return policy
}

/** The magic numbers of file systems on local disks or in memory, of Linux's `statfs`. */
const localTypes: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs, as in containers
  0x73717368, // SquashFS
  0xe0f5e1e2, // EROFS
])

/** Whether a file system is known to be local, by the type that `statfs` returns. */
export function isLocal(type: number | bigint): boolean {
  return process.platform === 'linux' && localTypes.has(Number(type))
}
