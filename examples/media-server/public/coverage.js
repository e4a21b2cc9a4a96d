/** The bytes of a file that have been seen at least once. Both positions are inclusive. */
export class Coverage {
  #ranges = []

  /** Disjoint, and in order. */
  get ranges() {
    return this.#ranges
  }

  get bytes() {
    return this.#ranges.reduce((sum, { firstPos, lastPos }) => sum + lastPos - firstPos + 1, 0)
  }

  add(added) {
    const merged = []
    for (const range of [...this.#ranges, added].toSorted((a, b) => a.firstPos - b.firstPos)) {
      const last = merged.at(-1)
      if (last && range.firstPos <= last.lastPos + 1) {
        last.lastPos = Math.max(last.lastPos, range.lastPos)
      } else {
        merged.push({ ...range })
      }
    }
    this.#ranges = merged
  }

  clone() {
    const copy = new Coverage()
    copy.#ranges = this.#ranges
    return copy
  }
}
