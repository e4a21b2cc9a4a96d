import { invalidArgument, type Source } from '@range-serve/core/sources'
import {
  MetadataTable,
  openRemote,
  type RemoteOptions,
  validateRemoteOptions,
} from '@range-serve/http/upstream'
import { type S3Client, type S3Commands, type S3Facade, toFacade } from './client.ts'
import { S3Upstream, type S3Metadata } from './s3-upstream.ts'

/** An object of a store. */
export interface S3Location {
  /** An `S3` of @aws-sdk/client-s3, or an `S3Client` with `commands`. */
  readonly client: S3Facade | S3Client
  /** `{ HeadObjectCommand, GetObjectCommand }` of the SDK, for an `S3Client`. */
  readonly commands?: S3Commands
  readonly Bucket: string
  readonly Key: string
  /** A version of the object. Default: the newest. */
  readonly VersionId?: string
  /** Further input of HeadObject and GetObject, such as `RequestPayer` or the key of SSE-C. */
  readonly [input: string]: unknown
}

/** How an object is read. */
export type S3Options = RemoteOptions

/** The tables of the clients: clients differ in what they may read. */
const tables = new WeakMap<object, MetadataTable<S3Metadata>>()

/**
 * Makes a source of an object in S3 or a compatible store. HeadObject gives its metadata, and
 * GetObject each requested range; each read is pinned to one version, checked, and resumed after a
 * failure.
 *
 * @throws TypeError or RangeError with a `code`, at the call
 * @throws SourceError `ERR_NOT_FOUND` or `ERR_UPSTREAM…`, with a `status`, by rejecting
 *
 * @example
 * const client = new S3({ region: 'eu-central-1' })
 * app.get('/clip', (req, res) => res.sendRange(fromS3({ client, Bucket: 'media', Key: 'clip.mp4' })))
 */
export function fromS3(location: S3Location, options: S3Options = {}): Promise<Source> {
  const limits = validateRemoteOptions('fromS3', options)
  const { client, commands, ...input } = location
  const facade = toFacade(client, commands)
  for (const name of ['Bucket', 'Key'] as const) {
    if (typeof input[name] === 'string' && input[name] !== '') continue
    throw invalidArgument('ERR_INVALID_ARGUMENT', `${name} must be text, and not empty`)
  }
  const upstream = new S3Upstream(facade, input, limits)
  if (limits.metadataTtl === 0) return openRemote<S3Metadata>(upstream, options, limits, undefined)
  let table = tables.get(client)
  if (!table) tables.set(client, (table = new MetadataTable()))
  const memory = { table, key: JSON.stringify(input) }
  return openRemote<S3Metadata>(upstream, options, limits, memory)
}
