// A file stream as a source: its file is read at random, from its own descriptor.

import fs from 'node:fs'
import { errorMonitor } from 'node:events'
import { sourceError, toError } from '../errors.ts'
import { ownSymbol } from '../runtime.ts'
import { endAtOnce, isKeptOpen } from '../sources/early-end.ts'
import type { ReadCallback } from '../sources/source.ts'
import { DescriptorSource } from './descriptor-source.ts'
import { readPolicy } from './read-policy.ts'
import type { RecentFile } from './recent-files.ts'
import type { FileVersion } from './validators.ts'

/** What a file stream has besides what its type says. */
export interface FileStream extends fs.ReadStream {
  readonly fd?: number | null
  readonly start?: number
  readonly end?: number
}

/** The `_read` of a stream that is held back: it reads nothing. */
export type HeldRead = (size: number) => void

/** A stream that is piped and held back. */
export interface Held {
  readonly read: HeldRead
  /** Whether any of it was sent. */
  isBegun(): boolean
  /** Lets it read on, as the response was aborted: other code may have a use for it. */
  release(): void
}

/** The symbols under which Node keeps what no name leads to. */
const symbols = new Map<string, symbol>()

/** What Node keeps in a stream under a symbol of this name. */
export function internal(stream: fs.ReadStream, name: string): unknown {
  const known = symbols.get(name)
  const isKnown = known !== undefined && Object.hasOwn(stream, known)
  const key = isKnown ? known : ownSymbol(stream, name)
  if (key === undefined) return undefined
  symbols.set(name, key)
  return Reflect.get(stream, key) ?? undefined
}

export function descriptorOf(stream: fs.ReadStream): number | undefined {
  const { fd }: FileStream = stream
  return typeof fd === 'number' && !stream.destroyed ? fd : undefined
}

export class ReadStreamSource extends DescriptorSource {
  readonly length: number
  readonly etag: string
  readonly lastModified?: Date
  readonly lastChanged?: Date
  protected override readonly start: number
  readonly #stream: fs.ReadStream
  /** Set if it may be read synchronously. */
  readonly #file: RecentFile | undefined
  readonly #held: Held | undefined
  /** Where in the file the last read ended. */
  #position: number | undefined
  /** How many reads are under way. */
  #reading = 0

  constructor(
    stream: fs.ReadStream,
    version: FileVersion,
    file: RecentFile | undefined,
    held: Held | undefined,
  ) {
    super()
    const { start = 0, end = Infinity }: FileStream = stream
    const { size } = version.stats
    this.start = start
    this.length = Math.max(0, Math.min(size, end + 1) - start)
    this.etag =
      this.length === size ? version.etag : tagOfPart(version.etag, start, start + this.length)
    if (version.lastModified) {
      this.lastModified = version.lastModified
      this.lastChanged = version.lastChanged
    }
    this.#stream = stream
    this.#file = file
    this.#held = held
  }

  /** A destroyed stream ends what is sent of it. */
  protected get fd(): number {
    const fd = descriptorOf(this.#stream)
    if (fd === undefined) throw destroyed()
    return fd
  }

  override readInto(
    target: Uint8Array,
    length: number,
    position: number,
    done: ReadCallback,
  ): void {
    const stream = this.#stream
    this.#reading++
    super.readInto(target, length, position, (error, bytesRead) => {
      this.#reading--
      // Its descriptor may have become that of another file before it was read.
      if (stream.destroyed) return done(destroyed(), 0)
      if (error && !this.#held) return done(error, bytesRead)
      if (error) {
        // As if the stream itself had read it, and before the response is cut off.
        stream.once(errorMonitor, () => process.nextTick(done, error, 0))
        stream.destroy(error)
        return undefined
      }
      this.#note(position, bytesRead)
      return done(null, bytesRead)
    })
  }

  /** An error is left to `readInto`, which reports it as the stream does. */
  readSync(target: Uint8Array, length: number, position: number): number | undefined {
    const file = this.#file
    const fd = descriptorOf(this.#stream)
    if (fd === undefined || !file?.isRecent) return undefined
    try {
      const bytesRead = readPolicy.quickly(file.device, () =>
        fs.readSync(fd, target, 0, length, this.start + position),
      )
      if (bytesRead !== undefined) this.#note(position, bytesRead)
      return bytesRead
    } catch {
      return undefined
    }
  }

  #note(position: number, bytesRead: number): void {
    this.#file?.noteRead()
    if (!this.#held) return
    // What waits for its end may tell how much was read.
    this.#stream.bytesRead += bytesRead
    this.#position = this.start + position + bytesRead
  }

  protected obtain(): undefined {}

  protected releaseDescriptor(aborted: boolean): void {
    const stream = this.#stream
    if (aborted && this.#held) {
      if (!this.#held.isBegun()) stream.bytesRead = 0
      else if (this.#position !== undefined) Object.assign(stream, { pos: this.#position })
      this.#held.release()
      return
    }
    if (!aborted && this.#file) this.#closeQuickly(this.#file)
    if (aborted || stream.listenerCount('end') === 0 || stream.destroyed) {
      stream.destroy()
    } else {
      stream.unpipe()
      endAtOnce(stream)
    }
  }

  /** Closes the file of a stream that is about to be destroyed, which would wait for a thread. */
  #closeQuickly(file: RecentFile): void {
    const stream = this.#stream
    const fd = descriptorOf(stream)
    if (fd === undefined || this.#reading > 0 || !isClosedByNode(stream)) return
    try {
      readPolicy.quickly(file.device, () => {
        Object.assign(stream, { fd: null })
        fs.closeSync(fd)
      })
    } catch (error) {
      stream.destroy(toError(error))
    }
  }
}

/** Whether nothing but Node's own `destroy` closes the file of a stream. */
function isClosedByNode(stream: fs.ReadStream): boolean {
  if (isKeptOpen(stream) || internal(stream, 'kFs') !== fs) return false
  for (const name of ['destroy', '_destroy'] as const) {
    if (stream[name] !== fs.ReadStream.prototype[name]) return false
  }
  return true
}

/** A part of a file that is served as a whole is another representation. */
function tagOfPart(etag: string, start: number, end: number): string {
  return `${etag.slice(0, -1)}-${start}-${end}"`
}

function destroyed(): Error {
  return sourceError(500, 'ERR_SOURCE_CONSUMED', 'The stream was destroyed')
}
