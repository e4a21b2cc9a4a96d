import type { Positions } from './requirements/requirement.ts'

/** The bytes of a representation that were seen, to compare later ones with. */
export class KnownBytes {
  readonly #seen: { readonly firstPos: number; readonly bytes: Buffer }[] = []

  learn(firstPos: number, bytes: Buffer): void {
    if (bytes.length > 0) this.#seen.push({ firstPos, bytes })
  }

  /** The positions of bytes that were other ones before, or `undefined`. */
  difference(firstPos: number, bytes: Buffer): Positions | undefined {
    for (const seen of this.#seen) {
      const from = Math.max(firstPos, seen.firstPos)
      const to = Math.min(firstPos + bytes.length, seen.firstPos + seen.bytes.length)
      if (from >= to) continue
      const now = bytes.subarray(from - firstPos, to - firstPos)
      const before = seen.bytes.subarray(from - seen.firstPos, to - seen.firstPos)
      if (!now.equals(before)) return [from, to - 1]
    }
    return undefined
  }
}
