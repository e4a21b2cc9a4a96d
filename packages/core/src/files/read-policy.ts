// When a file may be read synchronously.
//
// A synchronous read from the page cache saves two wake-ups of a thread; a read that waits for a disk
// makes every request wait. So:
//
// 1. Only files of file systems that are known to be local are read synchronously: never a network file
//    system, never FUSE. The first read of a file after it was opened is asynchronous; the streams of one
//    file, each of which opens it anew, count as one if there is less than a second between them.
// 2. A read or `stat` that takes longer than `quickMs` is slow. All slow ones together get 1 % of the time:
//    once that is spent, nothing is read synchronously until it is earned again. If the process waited for
//    nothing, but another had its core, only its own work counts: asked for a thousand reads after each
//    slow one, since it costs 0.7 µs.
// 3. If the process has read from a disk meanwhile, the device is read asynchronously for a second at
//    least. This pause doubles with each such read, up to an hour, and halves after a thousand quick ones.
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
/** The share of the time that slow reads may take. */
const share = 0.01
/** The most that is saved up for slow reads, in milliseconds: a process that has to wait for a core. */
const maxBudgetMs = 20
/** How many reads are watched, from the start and after each slow one. */
const watchedReads = 1000
/** If no read is watched, every how many the use is looked at again. */
const readsPerLook = 4096

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

/** What a policy knows of the world; a test has its own. */
export interface World {
  /** A clock in milliseconds that never goes back. */
  now(): number
  /** The type of the file system at a path, as `statfs` has it. */
  typeOf(path: string): Promise<number>
  /** What the process, all its threads, has used so far. */
  usage(): Usage
}

export type Usage = Pick<
  NodeJS.ResourceUsage,
  'fsRead' | 'systemCPUTime' | 'userCPUTime' | 'voluntaryContextSwitches'
>

const world: World = {
  now: () => performance.now(),
  typeOf: async (path) => (await statfs(path)).type,
  usage: () => process.resourceUsage(),
}

export class ReadPolicy {
  readonly #world: World
  readonly #devices = new Map<number, Device>()
  /** What slow reads may take now, and when that was reckoned, in milliseconds. */
  #budgetMs = 0
  #reckonedAt: number
  /** Before this, nothing is read synchronously. */
  #resumeAt = -Infinity
  #reads = 0
  /** How many of the next reads are watched. */
  #watched = watchedReads
  /** Before the read under way if that is watched, else before an earlier one. */
  #usage: Usage

  constructor(own: World = world) {
    this.#world = own
    this.#reckonedAt = own.now()
    this.#usage = own.usage()
  }

  /** Learns of which kind the file system of a device is, by the path of a file on it. */
  async learn(device: number, path: string): Promise<void> {
    const now = this.#world.now()
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
    known.isLocal = await this.#world.typeOf(path).then(isLocal, () => false)
  }

  /** Whether a device may be read synchronously now. */
  allows(device: number, now: number = this.#world.now()): boolean {
    if (now < this.#resumeAt) return false
    const known = this.#devices.get(device)
    return known?.isLocal === true && now >= known.resumeAt
  }

  /**
   * Calls back with a synchronous operation on a device; returns `undefined` if it is not allowed now.
   */
  quickly<T>(device: number, operation: () => T): T | undefined {
    const startedAt = this.begin(device)
    if (startedAt === undefined) return undefined
    try {
      return operation()
    } finally {
      this.end(device, startedAt)
    }
  }

  /** Begins a synchronous read of a device: returns when, or `undefined` if it must not be made. */
  begin(device: number): number | undefined {
    const now = this.#world.now()
    if (!this.allows(device, now)) return undefined
    if (this.#watched > 0 || this.#reads % readsPerLook === 0) this.#usage = this.#world.usage()
    this.#reads++
    return now
  }

  /** Notes the end of a read that `begin` has allowed. */
  end(device: number, startedAt: number): void {
    const now = this.#world.now()
    const isWatched = this.#watched > 0
    if (isWatched) this.#watched--
    const known = this.#devices.get(device)
    let duration = now - startedAt
    if (duration > quickMs) {
      const before = this.#usage
      this.#usage = this.#world.usage()
      if (isWatched) duration = Math.min(duration, lostMs(before, this.#usage))
      this.#watched = watchedReads
      if (duration > quickMs) {
        this.#spend(duration, now)
        if (known && this.#usage.fsRead !== before.fsRead) noteSlow(known, now)
        return
      }
    }
    if (known) noteQuick(known)
  }

  #spend(duration: number, now: number): void {
    const earned = (now - this.#reckonedAt) * share
    this.#budgetMs = Math.min(maxBudgetMs, this.#budgetMs + earned) - duration
    this.#reckonedAt = now
    if (this.#budgetMs < 0) this.#resumeAt = now - this.#budgetMs / share
  }
}

/** What a read has taken of the process's time at most, in milliseconds: others may have had its core. */
function lostMs(before: Usage, after: Usage): number {
  // A kernel that never counts waits, such as gVisor's, says nothing by it.
  const hasWaited =
    after.voluntaryContextSwitches !== before.voluntaryContextSwitches ||
    after.voluntaryContextSwitches === 0
  if (hasWaited) return Infinity
  const { userCPUTime, systemCPUTime } = before
  return (after.userCPUTime - userCPUTime + after.systemCPUTime - systemCPUTime) / 1000
}

function noteSlow(device: Device, now: number): void {
  device.quickReads = 0
  device.resumeAt = now + device.pauseMs
  device.pauseMs = Math.min(maxPauseMs, device.pauseMs * 2)
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
