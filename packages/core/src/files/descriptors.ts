// Open files, shared by the responses that read them.
//
// A path is examined (`stat`) for every request; an open descriptor is reused only if the file is
// still the same, in the same state. Responses hold a descriptor while they read from it, whatever
// happens to the path; an idle descriptor is closed after a moment, or to make room.

import fs from 'node:fs'
import { promisify } from 'node:util'
import { fileError, hasStatus } from '../errors.ts'
import type { Reads } from '../options.ts'
import { openInside } from './confinement.ts'
import { Descriptor } from './descriptor.ts'
import { examine, notAFile } from './examine.ts'
import { readPolicy } from './read-policy.ts'

type BigIntStat = (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>
const open = promisify(fs.open)
const stat = promisify(fs.stat)
const fstat = promisify(fs.fstat) as BigIntStat

/** Opening must not wait for the writer of a FIFO, nor make a terminal the controlling one. */
const openFlags =
  fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0)

/** How often a file that was replaced while it settled is opened again. */
const maxAttempts = 3

export interface DescriptorTableOptions {
  /** The most idle descriptors to keep open. */
  readonly max: number
  /** How long to keep an idle one open, in milliseconds. */
  readonly idleMs: number
}

interface Waiter {
  readonly reads: Reads
  readonly resolve: (descriptor: Descriptor) => void
  readonly reject: (error: unknown) => void
}

export class DescriptorTable {
  readonly #options: DescriptorTableOptions
  /** By key, least recently used first. */
  readonly #found = new Map<string, Descriptor>()
  /** The requests that wait for the next look at a path, by key. */
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
   * Opens the file at an absolute path, held for the caller, which must `release` it.
   *
   * A `stat` already in flight may predate this request, so the request waits for the next one. All
   * waiting requests share it, as do all requests of one turn: their responses then go out together,
   * which wakes a client or a proxy once for all of them.
   *
   * @param root the folder that the file must lie in once symbolic links are resolved; `undefined`:
   *   anywhere
   * @param reads `'adaptive'`: the `stat` may be synchronous, if the file is open and its device quick
   *   enough
   * @throws SourceError with status 403, 404, 500 or 503
   */
  acquire(filePath: string, root?: string, reads: Reads = 'async'): Promise<Descriptor> {
    const key = keyOf(filePath, root)
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key)
      if (waiters) {
        waiters.push({ reads, resolve, reject })
      } else {
        this.#waiters.set(key, [{ reads, resolve, reject }])
        void this.#serve(key, filePath, root)
      }
    })
  }

  /**
   * Returns what was at a path when it was last examined, held for the caller, which must `release`
   * it; {@link acquire} tells whether it is still there. `undefined` if the path is unknown.
   */
  peek(filePath: string, root?: string): Descriptor | undefined {
    const descriptor = this.#found.get(keyOf(filePath, root))
    if (descriptor) descriptor.holders++
    return descriptor
  }

  /** Whether {@link acquire} would look at a path synchronously now. */
  isQuick(filePath: string, root?: string): boolean {
    return this.#found.get(keyOf(filePath, root))?.isQuick === true
  }

  /**
   * Takes a descriptor back from a response.
   *
   * @param aborted close it at once unless another response holds it
   */
  release(descriptor: Descriptor, aborted: boolean): void {
    if (aborted && descriptor.holders === 1) this.retire(descriptor)
    descriptor.release()
  }

  /** Removes a descriptor from its path; it is closed when its last holder releases it. */
  retire(descriptor: Descriptor): void {
    void this.#drop(descriptor)
  }

  /** Resolves once an idle descriptor is closed; a held one closes later. */
  async #drop(descriptor: Descriptor): Promise<void> {
    if (descriptor.retired) return
    descriptor.retired = true
    this.#found.delete(descriptor.key)
    if (descriptor.holders === 0) await close(descriptor)
  }

  /** Looks at a path for the requests that wait, until none does. */
  async #serve(key: string, filePath: string, root: string | undefined): Promise<void> {
    await new Promise(setImmediate)
    let waiters = this.#waiters.get(key)!
    while (waiters.length > 0) {
      this.#waiters.set(key, [])
      try {
        const mayBeSync = waiters.every(({ reads }) => reads === 'adaptive')
        const known = mayBeSync ? this.#lookSync(key, filePath, root) : undefined
        const descriptor = known ?? (await this.#look(key, filePath, root))
        descriptor.holders += waiters.length - 1
        for (const waiter of waiters) waiter.resolve(descriptor)
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error)
      }
      waiters = this.#waiters.get(key)!
    }
    this.#waiters.delete(key)
  }

  /** Finds what is at a path now, if it is open and its device quick enough, and holds it once. */
  #lookSync(key: string, filePath: string, root: string | undefined): Descriptor | undefined {
    const held = this.#found.get(key)
    if (!held || (root !== undefined && held.isConfinementDue)) return undefined
    return held.isStillSync(filePath) ? this.#hold(held) : undefined
  }

  /** Holds an open descriptor once more, as the most recently used. */
  #hold(descriptor: Descriptor): Descriptor {
    this.#found.delete(descriptor.key)
    this.#found.set(descriptor.key, descriptor)
    descriptor.holders++
    return descriptor
  }

  /** Opens what is at a path now, or finds it open, and holds it once. */
  async #look(key: string, filePath: string, root: string | undefined): Promise<Descriptor> {
    const held = this.#found.get(key)
    try {
      const stats = await stat(filePath)
      if (held && root !== undefined) await held.confineAgain(filePath, root)
      if (held && !held.retired && held.isStill(stats)) return this.#hold(held)
      if (held) this.retire(held)
      if (!stats.isFile()) throw notAFile(filePath)
      const descriptor = await this.#open(key, filePath, root)
      descriptor.holders++
      if (descriptor.isSettled && descriptor.content === undefined) {
        this.#found.set(key, descriptor)
        void this.#evict(this.#found.size - this.#options.max)
      } else {
        // The next request examines the path again.
        descriptor.retired = true
      }
      return descriptor
    } catch (error) {
      if (held) this.retire(held)
      throw hasStatus(error) ? error : fileError(error, filePath)
    }
  }

  async #open(key: string, filePath: string, root: string | undefined): Promise<Descriptor> {
    for (let attempt = 1; ; attempt++) {
      const fd = await this.#openPath(filePath, root)
      try {
        const file = await examine(fd, filePath, () => fstat(fd, { bigint: true }))
        await readPolicy.learn(Number(file.stats.dev), filePath)
        const descriptor = new Descriptor(key, fd, file, (idle) => this.#onIdle(idle))
        if (!file.hasWaited || attempt === maxAttempts) return descriptor
        if (descriptor.isFileOf(await stat(filePath))) return descriptor
        fs.close(fd, noop)
      } catch (error) {
        fs.close(fd, noop)
        throw error
      }
    }
  }

  #openPath(filePath: string, root: string | undefined): Promise<number> {
    const openTarget = (target: string) =>
      open(target, openFlags).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error
        await this.#evict(Infinity)
        return open(target, openFlags)
      })
    return root === undefined ? openTarget(filePath) : openInside(filePath, root, openTarget)
  }

  #onIdle(descriptor: Descriptor): void {
    if (descriptor.retired) {
      void close(descriptor)
      return
    }
    descriptor.idleSince = performance.now()
    void this.#evict(this.#found.size - this.#options.max)
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

  /** Closes up to `count` idle descriptors, the least recently used first. */
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
export const descriptors: DescriptorTable = new DescriptorTable({ max: 128, idleMs: 500 })

function keyOf(filePath: string, root: string | undefined): string {
  return root === undefined ? filePath : `${root}\0${filePath}`
}

function close({ fd }: Descriptor): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()))
}

function noop(): void {}
