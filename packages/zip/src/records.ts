// The records of a ZIP archive, APPNOTE.TXT 6.3.10:
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

/** A file or folder of an archive, placed. */
export interface Placed {
  /** In UTF-8; ends with a slash if it is a folder. */
  readonly name: Uint8Array
  readonly isFolder: boolean
  /** In bytes. */
  readonly size: number
  /** The position of its local header. */
  readonly offset: number
  readonly modified: Date | undefined
  /** If it is known before the data is read, it goes before the data, and no descriptor after it. */
  readonly crc32: number | undefined
}

/** The first values that a field of 16 or 32 bits cannot hold: they refer to a ZIP64 field. */
const max16 = 0xffff
const max32 = 0xffffffff

const stored = 20
const zip64 = 45
/** Made on Unix (§4.4.2), so that the attributes are a mode. */
const unix = 3 << 8
const fileMode = 0o100644
const folderMode = 0o040755
/** Names are UTF-8 (§4.4.4, bit 11); a data descriptor follows the data (bit 3). */
const utf8 = 0x800
const described = 0x8

const isLarge = ({ size }: Placed): boolean => size >= max32

/** The length of a local header. */
export function localHeaderLength(entry: Omit<Placed, 'offset'>): number {
  const extra = (entry.size >= max32 ? 20 : 0) + timeLength(entry)
  return 30 + entry.name.length + extra
}

/**
 * The local header (§4.3.7). It states the size, for programs that read an archive as it comes. The
 * CRC-32 is in the data descriptor, so that nothing has to be read before this is sent, unless it is
 * known.
 */
export function localHeader(entry: Placed): Buffer {
  const record = new Writer(localHeaderLength(entry))
  record.u32(0x04034b50).u16(isLarge(entry) ? zip64 : stored)
  describe(record, entry)
  record.u32(entry.crc32 ?? 0)
  record.u32(Math.min(entry.size, max32)).u32(Math.min(entry.size, max32))
  record.u16(entry.name.length).u16((isLarge(entry) ? 20 : 0) + timeLength(entry))
  record.bytes(entry.name)
  if (isLarge(entry)) record.u16(0x0001).u16(16).u64(entry.size).u64(entry.size)
  time(record, entry)
  return record.buffer
}

/** The length of a data descriptor, if there is one. */
export function descriptorLength(entry: Pick<Placed, 'size' | 'crc32'>): number {
  if (entry.crc32 !== undefined) return 0
  return entry.size >= max32 ? 24 : 16
}

/** The data descriptor (§4.3.9). */
export function descriptor(entry: Placed, crc32: number): Buffer {
  const record = new Writer(descriptorLength(entry))
  record.u32(0x08074b50).u32(crc32)
  if (isLarge(entry)) record.u64(entry.size).u64(entry.size)
  else record.u32(entry.size).u32(entry.size)
  return record.buffer
}

/** The length of a header of the central directory. */
export function centralHeaderLength(entry: Placed): number {
  return 46 + entry.name.length + centralExtraLength(entry) + timeLength(entry)
}

function centralExtraLength(entry: Placed): number {
  const length = (isLarge(entry) ? 16 : 0) + (entry.offset >= max32 ? 8 : 0)
  return length === 0 ? 0 : 4 + length
}

/** A header of the central directory (§4.3.12). */
export function centralHeader(entry: Placed, crc32: number): Buffer {
  const extra = centralExtraLength(entry)
  const record = new Writer(centralHeaderLength(entry))
  const version = extra > 0 ? zip64 : stored
  record
    .u32(0x02014b50)
    .u16(unix | version)
    .u16(version)
  describe(record, entry)
  record.u32(crc32).u32(Math.min(entry.size, max32)).u32(Math.min(entry.size, max32))
  record.u16(entry.name.length).u16(extra + timeLength(entry))
  // No comment, on disk 0, no internal attributes.
  record.u16(0).u16(0).u16(0)
  // The low byte is for DOS, where 0x10 is a folder.
  const mode = entry.isFolder ? folderMode : fileMode
  record.u16(entry.isFolder ? 0x10 : 0).u16(mode)
  record.u32(Math.min(entry.offset, max32)).bytes(entry.name)
  if (extra > 0) {
    record.u16(0x0001).u16(extra - 4)
    if (isLarge(entry)) record.u64(entry.size).u64(entry.size)
    if (entry.offset >= max32) record.u64(entry.offset)
  }
  time(record, entry)
  return record.buffer
}

/** The extent of the central directory. */
export interface Directory {
  readonly count: number
  readonly offset: number
  readonly size: number
}

/** The end of an archive (§4.3.14 to §4.3.16): in ZIP64 too, if one of the numbers requires it. */
export function endRecords({ count, offset, size }: Directory): Buffer {
  const needs64 = count >= max16 || offset >= max32 || size >= max32
  const record = new Writer(needs64 ? 98 : 22)
  if (needs64) {
    record
      .u32(0x06064b50)
      .u64(44)
      .u16(unix | zip64)
      .u16(zip64)
    record.u32(0).u32(0).u64(count).u64(count).u64(size).u64(offset)
    record
      .u32(0x07064b50)
      .u32(0)
      .u64(offset + size)
      .u32(1)
  }
  const entries = Math.min(count, max16)
  record.u32(0x06054b50).u16(0).u16(0).u16(entries).u16(entries)
  record.u32(Math.min(size, max32)).u32(Math.min(offset, max32)).u16(0)
  return record.buffer
}

/** The flags, the method and the time of DOS, as both headers of an entry have them. */
function describe(record: Writer, { crc32, modified }: Placed): void {
  record.u16(crc32 === undefined ? utf8 | described : utf8).u16(0)
  // Two-second steps from 1980 to 2107 (§4.4.6), in UTC, so that it is the same on every machine.
  const first = Date.UTC(1980, 0, 1)
  const last = Date.UTC(2107, 11, 31, 23, 59, 58)
  const date = new Date(Math.min(Math.max(modified?.getTime() ?? first, first), last))
  const seconds = date.getUTCSeconds()
  record.u16((date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (seconds >> 1))
  const year = date.getUTCFullYear() - 1980
  record.u16((year << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate())
}

/** Seconds since the epoch, if the extended timestamp can hold them. */
function unixTime(modified: Date | undefined): number | undefined {
  const value = modified && Math.floor(modified.getTime() / 1000)
  return value !== undefined && value === (value | 0) ? value : undefined
}

function timeLength({ modified }: Pick<Placed, 'modified'>): number {
  return unixTime(modified) === undefined ? 0 : 9
}

/** The extended timestamp of Info-ZIP: the time of modification in UTC. */
function time(record: Writer, { modified }: Placed): void {
  const value = unixTime(modified)
  if (value !== undefined)
    record
      .u16(0x5455)
      .u16(5)
      .u8(1)
      .u32(value >>> 0)
}

/** Writes numbers in the byte order of ZIP, one after another. */
class Writer {
  readonly buffer: Buffer
  #position = 0

  constructor(length: number) {
    this.buffer = Buffer.alloc(length)
  }

  u8(value: number): this {
    this.#position = this.buffer.writeUInt8(value, this.#position)
    return this
  }

  u16(value: number): this {
    this.#position = this.buffer.writeUInt16LE(value, this.#position)
    return this
  }

  u32(value: number): this {
    this.#position = this.buffer.writeUInt32LE(value, this.#position)
    return this
  }

  u64(value: number): this {
    this.#position = this.buffer.writeBigUInt64LE(BigInt(value), this.#position)
    return this
  }

  bytes(value: Uint8Array): this {
    this.buffer.set(value, this.#position)
    this.#position += value.length
    return this
  }
}
