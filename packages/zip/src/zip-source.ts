// An archive as a source: every byte of it has its place before one is read.

import type { ByteRange, Representation } from '@range-serve/core'
import { PartsSource } from '@range-serve/core/sources'
import type { OpenEntry } from './entries.ts'
import {
  centralHeader,
  centralHeaderLength,
  descriptor,
  descriptorLength,
  endRecords,
  localHeader,
  localHeaderLength,
  type Placed,
} from './records.ts'

/** An entry that has its place. */
interface PlacedEntry extends OpenEntry, Placed {
  readonly dataOffset: number
  readonly centralOffset: number
}

/** A local header, the data, and a data descriptor. */
const partsPerEntry = 3

export class ZipSource extends PartsSource {
  protected readonly count: number
  readonly #entries: readonly PlacedEntry[]
  readonly #end: Buffer

  constructor(entries: readonly OpenEntry[], ...metadata: readonly Partial<Representation>[]) {
    let position = 0
    const placed = entries.map((entry) => {
      const offset = position
      const dataOffset = offset + localHeaderLength(entry)
      position = dataOffset + entry.size + descriptorLength(entry)
      return { ...entry, offset, dataOffset }
    })
    const offset = position
    const complete = placed.map((entry) => {
      const centralOffset = position
      position += centralHeaderLength(entry)
      return { ...entry, centralOffset }
    })
    const end = endRecords({ count: entries.length, offset, size: position - offset })
    const sources = entries.map(({ source }) => source)
    super(sources, position + end.length, ...metadata)
    this.#entries = complete
    this.#end = end
    this.count = partsPerEntry * entries.length + entries.length + 1
  }

  protected startOf(index: number): number {
    const entries = this.#entries
    const central = partsPerEntry * entries.length
    if (index === this.count) return this.length
    if (index === this.count - 1) return this.length - this.#end.length
    if (index >= central) return entries[index - central]!.centralOffset
    const { offset, dataOffset, size } = entries[Math.floor(index / partsPerEntry)]!
    return [offset, dataOffset, dataOffset + size][index % partsPerEntry]!
  }

  protected readPart(
    index: number,
    range: ByteRange,
    signal: AbortSignal,
  ): Uint8Array | AsyncIterable<Uint8Array> {
    const entries = this.#entries
    const central = partsPerEntry * entries.length
    if (index === this.count - 1) return slice(this.#end, range)
    if (index >= central) return record(entries[index - central]!, centralHeader, range, signal)
    const entry = entries[Math.floor(index / partsPerEntry)]!
    switch (index % partsPerEntry) {
      case 0:
        return slice(localHeader(entry), range)
      case 1:
        return entry.checksum.watch(entry.source, range, signal)
      default:
        return record(entry, descriptor, range, signal)
    }
  }

  override read(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    return gatherSmall(super.read(range, options))
  }
}

/** A record that states the CRC-32 of an entry: at once if that is known. */
function record(
  entry: PlacedEntry,
  make: (entry: PlacedEntry, crc32: number) => Buffer,
  range: ByteRange,
  signal: AbortSignal,
): Uint8Array | AsyncIterable<Uint8Array> {
  const { checksum, source } = entry
  if (checksum.value !== undefined) return slice(make(entry, checksum.value), range)
  return (async function* () {
    yield slice(make(entry, await checksum.compute(source, signal)), range)
  })()
}

function slice(bytes: Buffer, { firstPos, lastPos }: ByteRange): Buffer {
  return bytes.subarray(firstPos, lastPos + 1)
}

/** What is shorter is not written alone, unless it is the first. */
const smallSize = 16 * 1024
const gatheredSize = 64 * 1024

/** Yields small chunks together: an archive of small files is made of them. */
async function* gatherSmall(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  let held: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    const isSmall = chunk.length < smallSize && !isFirst
    isFirst = false
    if (isSmall) {
      // The memory of a chunk may be filled again.
      held.push(Buffer.from(chunk))
      size += chunk.length
    }
    if (size > 0 && (!isSmall || size >= gatheredSize)) {
      yield Buffer.concat(held, size)
      held = []
      size = 0
    }
    if (!isSmall) yield chunk
  }
  if (size > 0) yield Buffer.concat(held, size)
}
