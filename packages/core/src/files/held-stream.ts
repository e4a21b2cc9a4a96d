import { ReadStream } from 'node:fs'
import type { Reads } from '../options.ts'
import { mayEndEarly } from '../sources/early-end.ts'
import type { Source } from '../sources/source.ts'
import type { HeldRead } from './read-stream-source.ts'
import { fromReadStream, isPlain } from './read-stream.ts'

/** A file stream that has been piped into a response, and held back before it has read anything. */
export class HeldStream {
  readonly stream: ReadStream
  #isHeld = true
  /** What it was requested to read meanwhile. */
  #size: number | undefined
  readonly #read: HeldRead = (size) => {
    this.#size = size
  }

  private constructor(stream: ReadStream) {
    this.stream = stream
    Object.assign(stream, { _read: this.#read })
  }

  /**
   * Holds back a stream, unless it does not read a file, or anything but one pipe can see what it
   * reads.
   */
  static hold(stream: unknown): HeldStream | undefined {
    if (!(stream instanceof ReadStream) || !isPlain(stream, noop)) return undefined
    return mayEndEarly(stream, { data: 1 }) ? new HeldStream(stream) : undefined
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Makes a source of it, which ends it when it is closed, or releases it if the response was aborted;
   * it then reads on from where the source has read. `undefined` if it turns out to be
   * no regular file, or other code reads it by now.
   *
   * @param reads how its file is read
   * @param onAborted is called once it has been released
   * @param isBegun whether any of it was sent; otherwise it reads from its start
   * @throws SourceError if the file cannot be opened, which the stream reports too
   */
  source(
    reads: Reads | undefined,
    onAborted: () => void,
    isBegun: () => boolean,
  ): Promise<Source | undefined> {
    const release = () => {
      this.release()
      onAborted()
    }
    return fromReadStream(this.stream, reads, { read: this.#read, isBegun, release })
  }

  /** Lets it read, as if it had never been held. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    const { stream } = this
    if (Reflect.get(stream, '_read') === this.#read) Reflect.deleteProperty(stream, '_read')
    if (this.#size === undefined || stream.destroyed) return
    const read: HeldRead = Reflect.get(stream, '_read')
    read.call(stream, this.#size)
  }
}

function noop(): void {}
