// The hint tables of a linearised PDF (ISO 32000-1, F.3): the sizes of its pages, packed into bits.

/**
 * @param {Buffer[][]} pages the objects of each page: the page itself, its content, and others
 * @param {number} firstPageAt where the first page would be without the stream of these tables
 * @returns the tables, and where the second of them begins
 */
export function formatHints(pages, firstPageAt) {
  const bits = new Bits()
  const counts = column(pages.map((objects) => objects.length))
  const sizes = [
    pages.map((objects) => objects.reduce((sum, { length }) => sum + length, 0)),
    pages.map(([page]) => page.length),
    pages.map(([, content]) => content.length),
  ].map(column)

  // The page offset hint table. No object is shared, so four of the fields are empty.
  bits.put(counts.least, 32).put(firstPageAt, 32).put(counts.width, 16)
  for (const { least, width } of sizes) bits.put(least, 32).put(width, 16)
  bits.put(0, 16).put(0, 16).put(0, 16).put(1, 16)
  for (const { above, width } of [counts, ...sizes]) bits.putAll(above, width)

  // The shared object hint table: the objects of the first page count as such.
  const sharedAt = bits.length
  const shared = column(pages[0].map(({ length }) => length))
  const number = shared.above.length
  bits.put(0, 32).put(0, 32).put(number, 32).put(number, 32).put(0, 16)
  bits.put(shared.least, 32).put(shared.width, 16).putAll(shared.above, shared.width)
  bits.putAll(Array.from({ length: number }).fill(0), 1)
  return { sharedAt, bytes: bits.bytes }
}

/** Numbers as the least of them, what each is above it, and how many bits that takes. */
function column(values) {
  const least = Math.min(...values)
  const above = values.map((value) => value - least)
  const largest = Math.max(...above)
  return { least, above, width: largest === 0 ? 0 : largest.toString(2).length }
}

/** Numbers of any width, highest bit first. */
class Bits {
  #bits = ''

  put(number, width) {
    if (width > 0) this.#bits += number.toString(2).padStart(width, '0')
    return this
  }

  /** Puts numbers, and goes on at the next byte. */
  putAll(numbers, width) {
    for (const number of numbers) this.put(number, width)
    this.#bits = this.#bits.padEnd(8 * Math.ceil(this.length), '0')
    return this
  }

  get length() {
    return this.#bits.length / 8
  }

  get bytes() {
    return Buffer.from(this.#bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  }
}
