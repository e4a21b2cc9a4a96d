// When a file may be read synchronously.
//
// A synchronous read from the page cache saves two wake-ups of a thread; a read that waits for a disk
// makes every request wait. So:
//
// 1. Only files of file systems that are known to be local are read synchronously: never a network file
//    system, never FUSE. The first read of a file after it was opened is asynchronous.
// 2. A read or `stat` that takes longer than `quickMs` was not the page cache. Nothing is read
//    synchronously then for a hundred times as long as it took, and nothing of that device for a pause of
//    at least a second.
// 3. The pause of a device doubles with each slow read, up to an hour, and halves after a thousand quick
//    ones in a row.
//
// However the disks behave, the event loop loses at most 1 % of its time to slow reads.

import fs from 'node:fs'
import { promisify } from 'node:util'

const statfs = promisify(fs.statfs)

/** Longer than the page cache takes for 64 KiB, shorter than a disk, in milliseconds. */
export const quickMs = 0.5
const firstPauseMs = 1000
const maxPauseMs = 3_600_000
/** As many quick reads in a row make up for a slow one. */
const provenReads = 1000

/** How long a file system is taken for local by its device number, in milliseconds. */
const localMs = 60_000
const maxDevices = 1024

/** What is known of one device. */
interface Device {
  isLocal: boolean
  /** When its file system was last looked at. */
  lookedAt: number
  resumeAt: number
  pauseMs: number
  quickReads: number
}

export class ReadPolicy {
  readonly #now: () => number
  readonly #typeOf: (path: string) => Promise<number>
  readonly #devices = new Map<number, Device>()
  /** Before this, nothing is read synchronously. */
  #resumeAt = -Infinity

  /**
   * @param now a clock in milliseconds that never goes back
   * @param typeOf the type of the file system at a path, as `statfs` has it
   */
  constructor(
    now: () => number = () => performance.now(),
    typeOf: (path: string) => Promise<number> = async (path) => (await statfs(path)).type,
  ) {
    this.#now = now
    this.#typeOf = typeOf
  }

  /** Learns of which kind the file system of a device is, by the path of a file on it. */
  async learn(device: number, path: string): Promise<void> {
    const now = this.#now()
    let known = this.#devices.get(device)
    if (known && now - known.lookedAt < localMs) return
    if (!known) {
      if (this.#devices.size >= maxDevices) this.#devices.clear()
      known = {
        isLocal: false,
        lookedAt: now,
        resumeAt: -Infinity,
        pauseMs: firstPauseMs,
        quickReads: 0,
      }
      this.#devices.set(device, known)
    }
    known.lookedAt = now
    known.isLocal = await this.#typeOf(path).then(isLocal, () => false)
  }

  /** Begins a synchronous read of a device: returns when, or `undefined` if it must not be made. */
  begin(device: number): number | undefined {
    const now = this.#now()
    if (now < this.#resumeAt) return undefined
    const known = this.#devices.get(device)
    return known?.isLocal === true && now >= known.resumeAt ? now : undefined
  }

  /** Notes the end of a read that `begin` has allowed. */
  end(device: number, startedAt: number): void {
    const now = this.#now()
    const duration = now - startedAt
    const known = this.#devices.get(device)
    if (duration <= quickMs) {
      if (known) noteQuick(known)
      return
    }
    this.#resumeAt = Math.max(this.#resumeAt, now + 100 * duration)
    if (!known) return
    known.quickReads = 0
    known.resumeAt = now + known.pauseMs
    known.pauseMs = Math.min(maxPauseMs, known.pauseMs * 2)
  }
}

function noteQuick(device: Device): void {
  device.quickReads++
  if (device.quickReads < provenReads) return
  device.quickReads = 0
  device.pauseMs = Math.max(firstPauseMs, device.pauseMs / 2)
}

/** The types of file systems on local disks or in memory, as Linux's `statfs` has them. */
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

/** Whether a file system is known to be local, by its type. */
export function isLocal(type: number): boolean {
  return process.platform === 'linux' && localTypes.has(type)
}

/** The policy of all files. */
export const readPolicy: ReadPolicy = new ReadPolicy()
