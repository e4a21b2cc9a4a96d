import type { Positions } from './requirements/requirement.ts'

interface Seen {
  readonly firstPos: number
  readonly bytes: Buffer
}

/** The bytes of a representation that were seen, to compare later ones with. */
export class KnownBytes {
  readonly #full: Seen
  #parts: Seen[] = []
  #mayLearn = true

  /** @param full the beginning of the full content, which every part is compared with */
  constructor(full: Buffer) {
    this.#full = { firstPos: 0, bytes: full }
  }

  /** Adds the bytes of a part, for as long as no part contradicted the full content. */
  learn(firstPos: number, bytes: Buffer): void {
    if (this.#mayLearn) this.#parts.push({ firstPos, bytes })
  }

  /** The positions of bytes that were other ones before, or `undefined`. */
  difference(firstPos: number, bytes: Buffer): Positions | undefined {
    const found = overlapThatDiffers(this.#full, { firstPos, bytes })
    if (found) {
      // Parts of such a server say nothing of what the bytes are.
      this.#mayLearn = false
      this.#parts = []
      return found
    }
    for (const part of this.#parts) {
      const other = overlapThatDiffers(part, { firstPos, bytes })
      if (other) return other
    }
    return undefined
  }
}

function overlapThatDiffers(a: Seen, b: Seen): Positions | undefined {
  const from = Math.max(a.firstPos, b.firstPos)
  const to = Math.min(a.firstPos + a.bytes.length, b.firstPos + b.bytes.length)
  if (from >= to) return undefined
  const slice = ({ firstPos, bytes }: Seen) => bytes.subarray(from - firstPos, to - firstPos)
  return slice(a).equals(slice(b)) ? undefined : [from, to - 1]
}
