/** The most entries of a table. */
const maxEntries = 1000

/**
 * Metadata of upstreams by key, for a time. The least recently used entry makes room for a new one.
 *
 * What it gives may be out of date, never wrong: each read is pinned to the version that the
 * metadata describes.
 */
export class MetadataTable<M> {
  readonly #entries: Map<string, { readonly metadata: M; readonly until: number }> = new Map()

  get(key: string): M | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.until <= performance.now()) return undefined
    this.#entries.set(key, entry)
    return entry.metadata
  }

  /** @param ttl in milliseconds */
  set(key: string, metadata: M, ttl: number): void {
    this.#entries.delete(key)
    if (this.#entries.size >= maxEntries) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest!)
    }
    this.#entries.set(key, { metadata, until: performance.now() + ttl })
  }

  /** Deletes an entry, unless it has been replaced. */
  delete(key: string, metadata: M): void {
    if (this.#entries.get(key)?.metadata === metadata) this.#entries.delete(key)
  }
}
