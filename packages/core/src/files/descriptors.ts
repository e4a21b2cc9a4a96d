// Open files, shared by the answers that read them.
//
// A path is looked at (`stat`) for every request; an open descriptor is used again only if it still
// is that very file in that very state. Answers hold a descriptor while they read from it, whatever
// becomes of the path; one that nobody holds is closed after a moment, or when it must make room.

import fs from 'node:fs'
import { promisify } from 'node:util'
import path from 'node:path'
import { fileError, sourceError } from '../errors.ts'

const open = promisify(fs.open)
const stat = promisify(fs.stat)
const realpath = promisify(fs.realpath.native)
const fstat = promisify(fs.fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<fs.BigIntStats>

/** Opening a FIFO must not wait for a writer, nor a terminal become ours. */
const openFlags =
  fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0)

/** How long a path that lay in its root is taken to lie there still, if it is the same file. */
const confinementMs = 500

/** An open file, and the state that it was found in. */
export class Descriptor {
  readonly key: string
  readonly fd: number
  readonly stats: fs.BigIntStats
  readonly #onIdle: (descriptor: Descriptor) => void
  readonly #mtimeMs: number
  readonly #ctimeMs: number
  /** Whatever its reader wants to keep for as long as the file stays the same. */
  memo: unknown
  /** When its path was last seen to lie in its root. */
  confinedAt: number = performance.now()
  holders = 0
  idleSince = 0
  /** No longer to be found by its path: closed as soon as nobody holds it. */
  retired = false

  constructor(
    key: string,
    fd: number,
    stats: fs.BigIntStats,
    onIdle: (descriptor: Descriptor) => void,
  ) {
    this.key = key
    this.fd = fd
    this.stats = stats
    this.#onIdle = onIdle
    this.#mtimeMs = toMilliseconds(stats.mtimeNs)
    this.#ctimeMs = toMilliseconds(stats.ctimeNs)
  }

  /** Whether a path that has these stats is this file, unchanged. */
  isStill(stats: fs.Stats): boolean {
    return (
      stats.mtimeMs === this.#mtimeMs &&
      stats.ctimeMs === this.#ctimeMs &&
      stats.size === Number(this.stats.size) &&
      stats.ino === Number(this.stats.ino) &&
      stats.dev === Number(this.stats.dev)
    )
  }

  release(): void {
    this.holders--
    if (this.holders === 0) this.#onIdle(this)
  }
}

/** As Node computes `mtimeMs` from a timespec, so that the two compare. */
function toMilliseconds(nanoseconds: bigint): number {
  const second = 1_000_000_000n
  const fraction = ((nanoseconds % second) + second) % second
  return Number((nanoseconds - fraction) / second) * 1000 + Number(fraction) / 1_000_000
}

export interface DescriptorTableOptions {
  /** The most descriptors to keep open for nobody. */
  readonly most: number
  /** How long to keep one open for nobody, in milliseconds. */
  readonly idleMs: number
}

interface Waiter {
  readonly resolve: (descriptor: Descriptor) => void
  readonly reject: (error: unknown) => void
}

export class DescriptorTable {
  readonly #options: DescriptorTableOptions
  /** By key, the least recently used first. */
  readonly #found = new Map<string, Descriptor>()
  /** Who waits for the next look at a path, where one is under way. */
  readonly #waiters = new Map<string, Waiter[]>()
  #sweep: NodeJS.Timeout | undefined

  constructor(options: DescriptorTableOptions) {
    this.#options = options
  }

  /** How many descriptors the table keeps open, held or idle. */
  get size(): number {
    return this.#found.size
  }

  /**
   * The file at an absolute path, open, held for the caller, who must `release` it.
   *
   * A `stat` under way may have seen the past of someone who comes only now, so he waits for the
   * next; all who wait share that one, and all who come in one turn share theirs.
   *
   * @param root where the file must lie in when symbolic links are resolved; `undefined`: anywhere
   * @throws SourceError with status 403, 404, 500 or 503
   */
  acquire(filePath: string, root?: string): Promise<Descriptor> {
    const key = keyOf(filePath, root)
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key)
      if (waiters) {
        waiters.push({ resolve, reject })
      } else {
        this.#waiters.set(key, [{ resolve, reject }])
        void this.#serve(key, filePath, root)
      }
    })
  }

  /**
   * What was at a path when it was last looked at, open, held for the caller, who must `release` it.
   * Whether it still is what is there, {@link acquire} tells; `undefined` where nobody knows.
   */
  recall(filePath: string, root?: string): Descriptor | undefined {
    const descriptor = this.#found.get(keyOf(filePath, root))
    if (descriptor) descriptor.holders++
    return descriptor
  }

  /**
   * As {@link acquire}, but looks synchronously, and only finds what is open and still the same.
   * `undefined` where there is more to do.
   */
  acquireOpen(filePath: string, root?: string): Descriptor | undefined {
    const descriptor = this.#found.get(keyOf(filePath, root))
    if (!descriptor) return undefined
    if (root !== undefined && performance.now() - descriptor.confinedAt >= confinementMs) {
      return undefined
    }
    const stats = fs.statSync(filePath, { throwIfNoEntry: false })
    if (!stats || !descriptor.isStill(stats)) return undefined
    descriptor.holders++
    return descriptor
  }

  /**
   * Takes a descriptor back from an answer.
   *
   * @param abandoned whether to keep it for nobody, where nobody else has it
   */
  letGo(descriptor: Descriptor, abandoned: boolean): void {
    if (abandoned && descriptor.holders === 1) this.retire(descriptor)
    descriptor.release()
  }

  /** Stops finding a descriptor by its path; it is closed when the last answer lets go of it. */
  retire(descriptor: Descriptor): void {
    void this.#drop(descriptor)
  }

  /** Resolves when it is closed, where nobody holds it. */
  async #drop(descriptor: Descriptor): Promise<void> {
    if (descriptor.retired) return
    descriptor.retired = true
    this.#found.delete(descriptor.key)
    if (descriptor.holders === 0) await close(descriptor)
  }

  /** Looks at a path for those who wait, until nobody does. */
  async #serve(key: string, filePath: string, root: string | undefined): Promise<void> {
    await new Promise(setImmediate)
    let waiters = this.#waiters.get(key)!
    while (waiters.length > 0) {
      this.#waiters.set(key, [])
      try {
        const descriptor = await this.#look(key, filePath, root)
        descriptor.holders += waiters.length - 1
        for (const waiter of waiters) waiter.resolve(descriptor)
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error)
      }
      waiters = this.#waiters.get(key)!
    }
    this.#waiters.delete(key)
  }

  /** The descriptor for a path as it is now, held once. */
  async #look(key: string, filePath: string, root: string | undefined): Promise<Descriptor> {
    const held = this.#found.get(key)
    try {
      const stats = await stat(filePath)
      if (held && root !== undefined) await this.#confineAgain(held, filePath, root)
      if (held && !held.retired && held.isStill(stats)) {
        this.#found.delete(key)
        this.#found.set(key, held)
        held.holders++
        return held
      }
      if (held) this.retire(held)
      if (!stats.isFile()) throw notAFile(filePath)
      const descriptor = await this.#open(key, filePath, root)
      descriptor.holders++
      this.#found.set(key, descriptor)
      void this.#evict(this.#found.size - this.#options.most)
      return descriptor
    } catch (error) {
      if (held) this.retire(held)
      throw 'status' in (error as object) ? error : fileError(error, filePath)
    }
  }

  /**
   * The folders above a file can be moved away and linked to while the file stays the same: looks
   * now and then.
   */
  async #confineAgain(held: Descriptor, filePath: string, root: string): Promise<void> {
    const now = performance.now()
    if (now - held.confinedAt < confinementMs) return
    await confine(filePath, root)
    held.confinedAt = now
  }

  async #open(key: string, filePath: string, root: string | undefined): Promise<Descriptor> {
    const target = root === undefined ? filePath : await confine(filePath, root)
    const fd = await open(target, openFlags).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error
      await this.#evict(Infinity)
      return open(target, openFlags)
    })
    const stats = await fstat(fd, { bigint: true }).catch((error: unknown) => {
      fs.close(fd, noop)
      throw error
    })
    if (!stats.isFile()) {
      fs.close(fd, noop)
      throw notAFile(filePath)
    }
    return new Descriptor(key, fd, stats, (descriptor) => this.#onIdle(descriptor))
  }

  #onIdle(descriptor: Descriptor): void {
    if (descriptor.retired) {
      void close(descriptor)
      return
    }
    descriptor.idleSince = performance.now()
    void this.#evict(this.#found.size - this.#options.most)
    if (this.#sweep) return
    this.#sweep = setTimeout(() => this.#closeIdle(), this.#options.idleMs).unref()
  }

  #closeIdle(): void {
    this.#sweep = undefined
    const before = performance.now() - this.#options.idleMs + 1
    for (const descriptor of this.#found.values()) {
      if (descriptor.holders === 0 && descriptor.idleSince <= before) this.retire(descriptor)
    }
    if (this.#found.size > 0) {
      this.#sweep = setTimeout(() => this.#closeIdle(), this.#options.idleMs / 2).unref()
    }
  }

  /** Closes up to `count` descriptors that nobody holds, the least recently used first. */
  async #evict(count: number): Promise<void> {
    const idle: Descriptor[] = []
    for (const descriptor of this.#found.values()) {
      if (idle.length >= count) break
      if (descriptor.holders === 0) idle.push(descriptor)
    }
    await Promise.all(idle.map((descriptor) => this.#drop(descriptor)))
  }
}

/** The table behind every file that is served by its path. */
export const descriptors: DescriptorTable = new DescriptorTable({ most: 128, idleMs: 500 })

function keyOf(filePath: string, root: string | undefined): string {
  return root === undefined ? filePath : `${root}\0${filePath}`
}

/** The path with its symbolic links resolved, if that lies in the root's. */
async function confine(filePath: string, root: string): Promise<string> {
  const [realFile, realRoot] = await Promise.all([realpath(filePath), realpath(root)])
  if (isInside(realFile, realRoot)) return realFile
  throw sourceError(404, 'ERR_OUTSIDE_ROOT', 'The file lies outside of the root', {
    path: filePath,
  })
}

/** Whether an absolute, normal path is the root or lies in it. */
export function isInside(filePath: string, root: string): boolean {
  // What path.relative finds out too, at the price of all the rest of a look at a path.
  if (filePath.startsWith(root) && filePath[root.length] === path.sep) return true
  const relative = path.relative(root, filePath)
  return !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
}

function notAFile(filePath: string): Error {
  return sourceError(404, 'ERR_NOT_A_FILE', 'Only a regular file can be served', { path: filePath })
}

function close({ fd }: Descriptor): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()))
}

function noop(): void {}
