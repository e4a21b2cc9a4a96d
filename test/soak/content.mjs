// Files in which every byte identifies its version and position.

import fs from 'node:fs'
import path from 'node:path'

export const KiB = 1024
export const MiB = 1024 * KiB

/** A prime, so that no distance that matters to a server is a multiple of it. */
const period = 65_521
const table = Buffer.alloc(2 * period)
for (let i = 0, state = 1; i < period; i++) {
  state = Math.imul(state, 48_271) % 0x7fffffff
  table[i] = table[i + period] = state >>> 8
}

/** The bytes of a version from a position on, up to a period of them. */
function piece(version, position, length) {
  const from = (position + version * 7919) % period
  return table.subarray(from, from + Math.min(length, period))
}

/** The index of the first byte that does not belong to the version; -1 if all do. */
export function findWrong(version, position, bytes) {
  for (let at = 0; at < bytes.length; at += period) {
    const actual = bytes.subarray(at, at + period)
    const expected = piece(version, position + at, actual.length)
    if (!actual.equals(expected)) return at + actual.findIndex((byte, i) => byte !== expected[i])
  }
  return -1
}

function contentOf(version, length, position = 0) {
  const content = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at += period) {
    piece(version, position + at, length - at).copy(content, at)
  }
  return content
}

/** A version's Last-Modified; years ago, so that entity-tags are strong. */
const dateOf = (version) => new Date(Date.UTC(2020, 0, 1) + version * 1000)
const versionOf = (date) => (Date.parse(date) - Date.UTC(2020, 0, 1)) / 1000

/** The files. `grown` is written to in place, so that a response from it may be cut. */
export class Files {
  #folder
  #replaced = 0
  #grown = 0

  constructor(folder) {
    this.#folder = folder
    this.#write('steady.bin', 0, 8 * MiB)
    this.#write('small.bin', 0, 20 * KiB)
    this.#write('grown.bin', 0, 256 * KiB)
    this.#grown = 256 * KiB
    this.replace()
  }

  /** Replaces the file by its next version. */
  replace() {
    const version = ++this.#replaced
    this.#write('replaced.bin', version, MiB + (version % 100) * 1000)
  }

  /** Appends to a file in place or, once it is large, truncates it. */
  grow() {
    const file = path.join(this.#folder, 'grown.bin')
    if (this.#grown > 4 * MiB) {
      this.#grown = 256 * KiB
      fs.truncateSync(file, this.#grown)
    } else {
      fs.appendFileSync(file, contentOf(0, 256 * KiB, this.#grown))
      this.#grown += 256 * KiB
    }
  }

  /** The versions that bytes with these fields may be of, the most likely first. */
  versions(name, lastModified) {
    if (name !== 'replaced.bin') return [0]
    if (lastModified !== undefined) return [versionOf(lastModified)]
    return Array.from({ length: Math.min(this.#replaced, 300) }, (_, i) => this.#replaced - i)
  }

  #write(name, version, length) {
    const file = path.join(this.#folder, name)
    fs.writeFileSync(`${file}~`, contentOf(version, length))
    fs.utimesSync(`${file}~`, dateOf(version), dateOf(version))
    fs.renameSync(`${file}~`, file)
  }
}
