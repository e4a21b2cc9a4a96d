// A source that is made of parts: reads those that a range touches.

import type { ByteRange } from '../semantics/range.ts'
import type { Representation } from '../semantics/representation.ts'
import { closeParts, type OpenPart } from './parts.ts'
import { type DirectSource, pickMetadata } from './source.ts'

/**
 * A source whose bytes are those of its parts, one after another: open sources, or bytes that are made
 * when they are read. A subclass says where each begins and how it is read.
 */
export abstract class PartsSource implements DirectSource {
  readonly isDirect: true = true
  readonly length: number
  declare readonly type?: string
  declare readonly etag?: string
  declare readonly lastModified?: Date
  declare readonly lastChanged?: Date
  readonly #sources: readonly OpenPart[]

  /**
   * @param sources the open sources among the parts, which `close` closes
   * @param length the complete length, in bytes
   * @param metadata of the content; later values take precedence
   */
  constructor(
    sources: readonly OpenPart[],
    length: number,
    ...metadata: readonly Partial<Representation>[]
  ) {
    this.#sources = sources
    this.length = length
    for (const each of metadata) Object.assign(this, pickMetadata(each))
  }

  /** How many parts there are. */
  protected abstract readonly count: number

  /** The position of the first byte of a part; at `count`, the complete length. */
  protected abstract startOf(index: number): number

  /**
   * Reads exactly the bytes of a range of a part, at once if they are in memory.
   *
   * @param range relative to the start of the part
   */
  protected abstract readPart(
    index: number,
    range: ByteRange,
    signal: AbortSignal,
  ): Uint8Array | AsyncIterable<Uint8Array>

  /** Reads only the parts that a range touches. */
  async *read(
    { firstPos, lastPos }: ByteRange,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    let position = firstPos
    for (let index = this.#find(firstPos); position <= lastPos; index++) {
      const start = this.startOf(index)
      const end = Math.min(this.startOf(index + 1), lastPos + 1)
      if (end <= position) continue
      const range = { firstPos: position - start, lastPos: end - 1 - start }
      const content = this.readPart(index, range, signal)
      if (content instanceof Uint8Array) yield content
      else yield* content
      position = end
    }
  }

  close(): Promise<void> {
    return closeParts(this.#sources)
  }

  /** The part that holds the byte at a position. */
  #find(position: number): number {
    let low = 0
    let high = this.count - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.startOf(middle) <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}
