// A source whose bytes and metadata come from an upstream.

import { type ByteRange, codeOf, type Source } from '@range-serve/core/sources'
import { isOurs, mayRetry } from './errors.ts'
import type { MetadataTable } from './metadata-table.ts'
import type { Limits, RemoteMetadata, RemoteOptions } from './options.ts'
import type { Part } from './part.ts'
import { Attempts, readParts } from './read-parts.ts'

/** Something that has content, over a network. */
export interface Upstream<M extends RemoteMetadata = RemoteMetadata> {
  /** Names it in messages, without anything secret: some frameworks print them. */
  readonly name: string
  /** The host of the latest request, for the operator. */
  readonly host?: string | undefined
  /** Whether each request is signed anew. Default `false`. */
  readonly isSignedAnew?: boolean
  /** Requests the metadata. */
  probe(signal: AbortSignal | undefined): Promise<M>
  /** Requests a range of the version that the metadata describes. */
  open(range: ByteRange, metadata: M, signal: AbortSignal): Promise<Part>
}

/** How the metadata of an upstream is kept. */
export interface Memory<M> {
  readonly table: MetadataTable<M>
  readonly key: string
}

/** Opens a source: with the given metadata, with what is kept, or with what the upstream says. */
export async function openRemote<M extends RemoteMetadata>(
  upstream: Upstream<M>,
  options: Pick<RemoteOptions, 'signal'> & { readonly meta?: M },
  limits: Limits,
  memory: Memory<M> | undefined,
): Promise<Source> {
  const known = options.meta ?? memory?.table.get(memory.key)
  const remote = new Remote(upstream, limits, memory, options.meta?.type)
  return new RemoteSource(remote, known ?? (await remote.probe(options.signal)))
}

/** An upstream, and how it is read. */
class Remote<M extends RemoteMetadata> {
  readonly #upstream: Upstream<M>
  readonly #limits: Limits
  readonly #memory: Memory<M> | undefined
  readonly #type: string | undefined

  /** @param type takes precedence over the upstream's */
  constructor(
    upstream: Upstream<M>,
    limits: Limits,
    memory: Memory<M> | undefined,
    type: string | undefined,
  ) {
    this.#upstream = upstream
    this.#limits = limits
    this.#memory = memory
    this.#type = type
  }

  /** Requests the metadata, and keeps it. */
  async probe(signal: AbortSignal | undefined): Promise<M> {
    const attempts = new Attempts(this.#limits)
    let wasRefused = this.#upstream.isSignedAnew !== true
    for (;;) {
      try {
        const found = await this.#upstream.probe(signal)
        const metadata = this.#type === undefined ? found : { ...found, type: this.#type }
        const { metadataTtl } = this.#limits
        this.#memory?.table.set(this.#memory.key, metadata, metadataTtl)
        return metadata
      } catch (error) {
        this.#nameHost(error)
        if (codeOf(error) === 'ERR_UPSTREAM_FORBIDDEN' && !wasRefused) wasRefused = true
        else await attempts.afterError(error, signal)
      }
    }
  }

  /** Adds the host to an error of the upstream. */
  #nameHost(error: unknown): void {
    const { host } = this.#upstream
    if (host !== undefined && isOurs(error)) Object.assign(error, { upstream: host })
  }

  async *read(range: ByteRange, metadata: M, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const upstream = this.#upstream
    const reading = {
      name: upstream.name,
      metadata,
      open: (part: ByteRange, until: AbortSignal) => upstream.open(part, metadata, until),
      isSignedAnew: upstream.isSignedAnew === true,
      limits: this.#limits,
    }
    try {
      yield* readParts(reading, range, signal)
    } catch (error) {
      this.#nameHost(error)
      // What is kept is out of date, or says that there is something when there is not.
      const memory = this.#memory
      if (!signal.aborted && !mayRetry(error)) memory?.table.delete(memory.key, metadata)
      throw error
    }
  }
}

class RemoteSource<M extends RemoteMetadata> implements Source {
  readonly length: number
  declare readonly type?: string
  declare readonly etag?: string
  declare readonly lastModified?: Date
  declare readonly acceptRanges?: boolean
  declare readonly cacheControl?: string
  readonly #remote: Remote<M>
  readonly #metadata: M

  constructor(remote: Remote<M>, metadata: M) {
    const { length, type, etag, lastModified, acceptRanges, cacheControl } = metadata
    this.length = length
    if (type !== undefined) this.type = type
    if (etag !== undefined) this.etag = etag
    if (lastModified !== undefined) this.lastModified = lastModified
    if (acceptRanges !== undefined) this.acceptRanges = acceptRanges
    if (cacheControl !== undefined) this.cacheControl = cacheControl
    this.#remote = remote
    this.#metadata = metadata
  }

  read(range: ByteRange, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<Uint8Array> {
    return this.#remote.read(range, this.#metadata, signal)
  }

  async reopen(): Promise<Source> {
    return new RemoteSource(this.#remote, await this.#remote.probe(undefined))
  }
}
