// CRC-32s: computed as the data passes, continued where another response has stopped, and
// remembered.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { type OpenPart, readRange } from '@range-serve/core/sources'

/** At most this much is computed in one turn of the event loop. */
const sliceSize = 1024 * 1024

/** The CRC-32 of one version of some data, as far as it is known. */
export class Checksum {
  readonly #size: number
  #value = 0
  /** How many bytes it covers. */
  #position = 0

  /** @param known the CRC-32, if the caller knows it */
  constructor(size: number, known?: number) {
    this.#size = size
    if (known === undefined) return
    this.#value = known
    this.#position = size
  }

  /** The CRC-32 of all of the data; `undefined` as long as some of it has not been seen. */
  get value(): number | undefined {
    return this.#position === this.#size ? this.#value : undefined
  }

  /** Yields a range of the data, and takes it in if it continues what is covered. */
  async *watch(
    source: OpenPart,
    range: { readonly firstPos: number; readonly lastPos: number },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let position = range.firstPos
    const inMemory = source.bytes?.subarray(range.firstPos, range.lastPos + 1)
    for await (const chunk of inMemory ? [inMemory] : readRange(source, range, signal)) {
      for (let from = 0; from < chunk.length; from += sliceSize) {
        const slice = chunk.subarray(from, from + sliceSize)
        this.#add(position, slice)
        position += slice.length
        yield slice
      }
    }
  }

  /** Computes the CRC-32, and reads for that what has not been seen. */
  async compute(source: OpenPart, signal: AbortSignal): Promise<number> {
    // Another response may be computing it as well: what either has seen counts for both.
    while (this.value === undefined) {
      const range = { firstPos: this.#position, lastPos: this.#size - 1 }
      for await (const slice of this.watch(source, range, signal)) {
        if (slice.length === sliceSize) await nextTurn()
      }
    }
    return this.value
  }

  #add(position: number, slice: Uint8Array): void {
    const known = this.#position - position
    if (known < 0 || known >= slice.length) return
    this.#value = crc32(slice.subarray(known), this.#value)
    this.#position = position + slice.length
  }
}

/** How many checksums are remembered: about 20 MB. */
const limit = 100_000

/** By what identifies the version of the data. The least recently used comes first. */
const remembered = new Map<string, Checksum>()

/** The checksum of a version, from then on remembered. */
export function checksumOf(version: string, size: number): Checksum {
  const checksum = remembered.get(version) ?? new Checksum(size)
  remembered.delete(version)
  remembered.set(version, checksum)
  if (remembered.size > limit) {
    const [oldest] = remembered.keys()
    remembered.delete(oldest!)
  }
  return checksum
}
