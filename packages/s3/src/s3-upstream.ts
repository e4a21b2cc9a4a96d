// An object of a store, by the SDK's client.

import {
  type ByteRange,
  codeOf,
  isEntityTag,
  isWeak,
  parseContentRange,
} from '@range-serve/core/sources'
import {
  type Limits,
  isBody,
  type Part,
  readerOf,
  type RemoteMetadata,
  statusError,
  type Upstream,
  upstreamError,
  within,
} from '@range-serve/http/upstream'
import type { S3Facade, S3Input, S3Output } from './client.ts'

/** What is known of an object. */
export interface S3Metadata extends RemoteMetadata {
  /** The version that the store has told: even its deletion does not end a read of it. */
  readonly versionId?: string
}

export class S3Upstream implements Upstream<S3Metadata> {
  readonly name = 'The store'
  readonly #client: S3Facade
  readonly #input: S3Input
  readonly #limits: Limits
  /** Whether reading a version by its name needs a right that the client lacks. */
  #mayNameVersions = true

  constructor(client: S3Facade, input: S3Input, limits: Limits) {
    this.#client = client
    this.#input = input
    this.#limits = limits
  }

  async probe(signal: AbortSignal | undefined): Promise<S3Metadata> {
    const { output } = await this.#send('headObject', this.#input, signal)
    const { ContentLength: length, VersionId: versionId } = output
    if (length === undefined) {
      throw upstreamError('ERR_UPSTREAM', `${this.name} does not say how long the object is`)
    }
    this.#refuseCoding(output)
    const { ContentType: type, CacheControl: cacheControl } = output
    // The version `null` can be replaced.
    const hasVersion = versionId !== undefined && versionId !== 'null'
    return {
      length,
      ...validatorsOf(output),
      ...(type === undefined ? {} : { type }),
      ...(cacheControl === undefined ? {} : { cacheControl }),
      ...(hasVersion ? { versionId } : {}),
    }
  }

  async open(range: ByteRange, metadata: S3Metadata, signal: AbortSignal): Promise<Part> {
    const { VersionId = this.#mayNameVersions ? metadata.versionId : undefined } = this.#input
    const { etag } = metadata
    const input = {
      ...this.#input,
      Range: `bytes=${range.firstPos}-${range.lastPos}`,
      ...(VersionId === undefined ? {} : { VersionId }),
      ...(etag === undefined || isWeak(etag) ? {} : { IfMatch: etag }),
    }
    const { output, cancel } = await this.#send('getObject', input, signal).catch((error) => {
      const isOurs = VersionId !== undefined && this.#input.VersionId === undefined
      if (!isOurs || codeOf(error) !== 'ERR_UPSTREAM_FORBIDDEN') throw error
      // It needs s3:GetObjectVersion; without it, the entity-tag has to do.
      this.#mayNameVersions = false
      return this.#send('getObject', { ...input, VersionId: this.#input.VersionId }, signal)
    })
    const body = output.Body ?? undefined
    if (body !== undefined && !isBody(body)) {
      cancel()
      throw upstreamError(
        'ERR_UPSTREAM',
        'The client of the store returned a Body that is no stream',
      )
    }
    const reader = readerOf(body, cancel)
    try {
      this.#refuseCoding(output)
      return {
        ...this.#rangeOf(output, range, metadata),
        etag: undefined,
        lastModified: undefined,
        ...validatorsOf(output),
        reader,
      }
    } catch (error) {
      reader.cancel()
      throw error
    }
  }

  #rangeOf(
    { ContentRange, ContentLength: completeLength }: S3Output,
    { firstPos, lastPos }: ByteRange,
    { length }: S3Metadata,
  ): ByteRange & { readonly completeLength: number | undefined } {
    const found = parseContentRange(ContentRange ?? '')
    if (found) return found
    // The full object, of this version or another.
    const isSame = (completeLength ?? length) === length
    if (ContentRange === undefined && (!isSame || (firstPos === 0 && lastPos === length - 1))) {
      return { firstPos: 0, lastPos: length - 1, completeLength }
    }
    throw upstreamError('ERR_UPSTREAM_NO_RANGES', `${this.name} ignored Range`)
  }

  #refuseCoding({ ContentEncoding: coding = '' }: S3Output): void {
    // The latter is of the upload, and some stores keep it.
    if (['', 'identity', 'aws-chunked'].includes(coding)) return
    throw upstreamError('ERR_UPSTREAM', `The object is stored encoded, as ${coding}`)
  }

  /** Sends a command, within a time of our own: the SDK waits for ever. */
  async #send(
    command: 'headObject' | 'getObject',
    input: S3Input,
    signal: AbortSignal | undefined,
  ): Promise<{ output: S3Output; cancel: () => void }> {
    const ms = this.#limits.timeout
    const late = () =>
      upstreamError('ERR_UPSTREAM_TIMEOUT', `${this.name} said nothing for ${ms} ms`)
    const { value, cancel } = await within(
      { ms, signal, late },
      (abortSignal) =>
        this.#client[command](input, { abortSignal }).catch((error: unknown) => {
          throw this.#toError(error)
        }),
      ({ Body: body }) => {
        if (isBody(body)) readerOf(body, () => {}).cancel()
      },
    )
    return { output: value, cancel }
  }

  /** By the status: names differ between commands and stores. What the SDK gave up, it has retried. */
  #toError(error: unknown): Error {
    const { $metadata, code, name, Endpoint } = (error ?? {}) as {
      readonly $metadata?: { readonly httpStatusCode?: number }
      readonly code?: string
      readonly name?: string
      readonly Endpoint?: string
    }
    const status = $metadata?.httpStatusCode
    if (status === undefined) {
      const message = `${this.name} cannot be reached: ${code ?? name ?? 'unknown error'}`
      return upstreamError('ERR_UPSTREAM_RESET', message, { cause: error, isTransient: false })
    }
    const { forbiddenStatus } = this.#limits
    const named = [name, Endpoint && `(the endpoint is ${Endpoint})`].filter(Boolean).join(' ')
    const details = { forbiddenStatus, cause: error, isTransient: false }
    return statusError(this.name, status, named === '' ? details : { ...details, name: named })
  }
}

function validatorsOf({
  ETag,
  LastModified,
}: S3Output): Pick<RemoteMetadata, 'etag' | 'lastModified'> {
  return {
    ...(ETag !== undefined && isEntityTag(ETag) ? { etag: ETag } : {}),
    ...(LastModified === undefined ? {} : { lastModified: LastModified }),
  }
}
